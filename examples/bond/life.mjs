// The whole life of a bond, and the short one of a bond that too few want.
//
// usage: node examples/bond/life.mjs [--url URL]      URL of a dev chain's JSON-RPC, by default http://127.0.0.1:8545
import assert from 'node:assert/strict';

import { Chain, ethers, script } from './chain.mjs';

const ether = (wei) => `${ethers.formatEther(wei)} ETH`;

// Every balance is checked to the wei: what went in and out, and the gas that the party paid itself.
async function wholeLife(chain, log) {
  const [issuer, alice, bob, carol] = chain.parties;
  const investors = [alice, bob, carol];
  const start = new Map();
  for (const party of [issuer, ...investors]) start.set(party, (await party.balance()) + party.gas);
  const gained = async (party) => (await party.balance()) + party.gas - start.get(party);

  const terms = await chain.terms();
  const { price, coupon, period, coupons } = terms;
  const bond = await chain.deploy(issuer, terms);
  log(`the issuer offers a bond at ${bond.address}: at least ${terms.goal} units of ${ether(price)}`);

  for (const investor of investors) await bond.take(issuer, 'admit', [investor.address, true]);
  await bond.take(alice, 'buy', [], 60n * price);
  await bond.take(bob, 'buy', [], 50n * price);
  assert.equal(await bond.read.units(), 110n);
  assert.equal(await bond.money(), 110n * price);
  log('Alice buys 60 units and Bob 50: the goal is met');

  await chain.until(Number(terms.fundingEnds) + 1);
  await bond.take(issuer, 'issue');
  assert.equal(await gained(issuer), 110n * price);
  assert.equal(await bond.money(), 0n);
  const issuedAt = Number(await bond.read.issuedAt());
  log(`the bond is issued, ${ether(110n * price)} go to the issuer`);

  await chain.until(issuedAt + Number(period));
  await bond.take(issuer, 'payIn', [], 110n * coupon);
  await bond.take(alice, 'fetchInterest');
  assert.ok((await gained(alice)) >= 60n * coupon - 60n * price);
  log('after the first period Alice fetches her interest, Bob leaves his');

  await chain.until(issuedAt + 2 * Number(period));
  await bond.take(bob, 'transfer', [carol.address, 20n]);
  assert.equal((await bond.read.holdings(bob.address)).units, 30n);
  assert.equal((await bond.read.holdings(carol.address)).units, 20n);
  await carol.send({ to: bob.address, value: 20n * price });
  log('in the third period Bob sells 20 units to Carol; the interest of the first two stays his');

  await chain.until(issuedAt + Number(coupons * period));
  const owed = 110n * price + (coupons - 1n) * 110n * coupon;
  await bond.take(issuer, 'payIn', [], owed + price); // a little too much
  for (const investor of investors) await bond.take(investor, 'redeem');
  log('at maturity the issuer pays in what is owed, and everybody redeems');

  await bond.take(issuer, 'reclaim');
  assert.equal(await bond.money(), 0n);
  assert.equal(await bond.read.units(), 0n);
  // Carol's 20 units have earned the third period; Bob's 30 all three, and those 20 the first two.
  const earned = [60n * 3n * coupon, (30n * 3n + 20n * 2n) * coupon, 20n * coupon];
  assert.equal(await gained(alice), earned[0]);
  assert.equal(await gained(bob), earned[1]);
  assert.equal(await gained(carol), earned[2]);
  assert.equal(await gained(issuer), -(earned[0] + earned[1] + earned[2]));
  log(`the issuer takes back what was too much; interest: ${earned.map(ether).join(', ')}`);
}

async function tooFewWantIt(chain, log) {
  const [issuer, alice, bob] = chain.parties;
  const before = (await alice.balance()) + alice.gas;
  const bond = await chain.deploy(issuer, await chain.terms());
  await bond.take(issuer, 'admit', [alice.address, true]);
  await bond.take(issuer, 'admit', [bob.address, true]);
  await bond.take(alice, 'buy', [], 60n * bond.terms.price);
  await bond.take(bob, 'buy', [], 39n * bond.terms.price);
  await chain.until(Number(bond.terms.fundingEnds) + 1);
  await bond.take(alice, 'refund');
  await bond.take(bob, 'refund');
  assert.equal(await bond.money(), 0n);
  assert.equal((await alice.balance()) + alice.gas, before, 'Alice has paid gas and nothing else');
  log('another bond misses its goal by one unit: both investors fetch their money back');
}

export async function life(url, log) {
  const chain = await Chain.connect(url);
  try {
    await wholeLife(chain, log);
    await tooFewWantIt(chain, log);
    for (const { name, gas } of chain.parties.slice(0, 4)) log(`${name} has paid ${ether(gas)} for gas`);
  } finally {
    chain.close();
  }
}

await script(import.meta, life);
