// A chain that gantry has no part in: blocks with contracts, built by @ethereumjs/vm.
import { contracts } from '../../../contracts/compile.mjs';
import { devKeys } from './gantry.mjs';
import { load } from './packages.mjs';

const { createBlockchain } = load('@ethereumjs/blockchain');
const { createCommonFromGethGenesis, parseGethGenesisState, Hardfork } = load('@ethereumjs/common');
const { createTxFromRLP } = load('@ethereumjs/tx');
const { bytesToHex, hexToBytes } = load('@ethereumjs/util');
const { buildBlock, createVM } = load('@ethereumjs/vm');
const { ethers } = load('ethers');

const GAS = 3_000_000n;

export class ForeignChain {
  static async create(genesis, random) {
    const common = createCommonFromGethGenesis(genesis, { chain: 'gantry', hardfork: Hardfork.Cancun });
    const genesisState = parseGethGenesisState(genesis);
    const blockchain = await createBlockchain({ common, genesisState, validateConsensus: false });
    const vm = await createVM({ common, blockchain });
    await vm.stateManager.generateCanonicalGenesis(genesisState);
    return Object.assign(new ForeignChain(), {
      vm,
      random,
      parent: blockchain.genesisBlock,
      wallets: devKeys.map((key) => ({ wallet: new ethers.Wallet(key), nonce: 0 })),
      blocks: [],
      failed: 0,
      created: 0,
    });
  }

  async sign(who, { to = null, data = '0x', value = 0n, type = 2 }) {
    const fee = 10n ** 11n;
    const price = type === 2 ? { maxFeePerGas: fee, maxPriorityFeePerGas: 7n } : { gasPrice: fee };
    const accessList = type === 1 && to ? [{ address: to, storageKeys: [ethers.ZeroHash] }] : undefined;
    const fields = { type, chainId: 31337, nonce: who.nonce, to, data, value, gasLimit: GAS, ...price, accessList };
    const raw = hexToBytes(await who.wallet.signTransaction(fields));
    return createTxFromRLP(raw, { common: this.vm.common });
  }

  // Builds a block of these transactions; header fields may be named.
  async block(requests, { header = {}, withdrawals = [] } = {}) {
    const number = this.parent.header.number + 1n;
    const builder = await buildBlock(this.vm, {
      parentBlock: this.parent,
      headerData: {
        number,
        timestamp: this.parent.header.timestamp + 1n + BigInt(this.random.below(20)),
        gasLimit: this.parent.header.gasLimit,
        coinbase: `0x${'c0'.repeat(20)}`,
        mixHash: this.random.bytes(32),
        parentBeaconBlockRoot: this.random.bytes(32),
        baseFeePerGas: this.parent.header.calcNextBaseFee(),
        ...header,
      },
      withdrawals,
      blockOpts: { common: this.vm.common, putBlockIntoBlockchain: false },
    });
    const receipts = [];
    for (const { who, ...fields } of requests) {
      const result = await builder.addTransaction(await this.sign(who, fields));
      who.nonce++;
      this.failed += result.execResult.exceptionError ? 1 : 0;
      this.created += result.createdAddress ? 1 : 0;
      receipts.push(result);
    }
    const { block } = await builder.build();
    await this.vm.blockchain.putBlock(block);
    this.parent = block;
    this.blocks.push(block);
    return receipts;
  }

  // Two tokens and a pair, funded.
  async deploy() {
    const { Token, Pair } = contracts();
    const [token, pair] = [Token, Pair].map(({ abi, bytecode }) => new ethers.ContractFactory(abi, bytecode));
    this.token = new ethers.Interface(Token.abi);
    this.pair = new ethers.Interface(Pair.abi);
    const who = this.wallets[0];
    const supply = 10n ** 24n;
    const tokens = [];
    for (const name of ['A', 'B']) {
      const { data } = await token.getDeployTransaction(name, name, supply);
      const [{ createdAddress }] = await this.block([{ who, data }]);
      tokens.push(createdAddress.toString());
    }
    const { data } = await pair.getDeployTransaction(...tokens);
    const [{ createdAddress }] = await this.block([{ who, data }]);
    this.tokens = tokens;
    this.pool = createdAddress.toString();
    const give = (to, amount) =>
      tokens.map((t) => ({ who, to: t, data: this.token.encodeFunctionData('transfer', [to, amount]) }));
    await this.block([
      ...give(this.pool, 10n ** 22n),
      { who, to: this.pool, data: this.pair.encodeFunctionData('mint', [who.wallet.address]) },
      ...this.wallets.flatMap(({ wallet }) => give(wallet.address, 10n ** 20n)),
      ...this.wallets.flatMap((each) =>
        tokens.map((to) => ({
          who: each,
          to,
          data: this.token.encodeFunctionData('approve', [this.pool, ethers.MaxUint256]),
        })),
      ),
    ]);
  }

  // One random transaction: mostly good, some that revert.
  request() {
    const { random } = this;
    const who = random.pick(this.wallets);
    const other = random.pick(this.wallets).wallet.address;
    const amount = random.bigBelow(10n ** 16n);
    switch (random.below(6)) {
      case 0:
        return { who, to: other, value: amount, type: random.below(3) };
      case 1:
        return { who, to: ethers.hexlify(random.bytes(20)), value: amount };
      case 2:
      case 3: {
        const much = random.chance(0.1) ? 10n ** 30n : amount;
        const data = this.token.encodeFunctionData('transfer', [other, much]);
        return { who, to: random.pick(this.tokens), data, type: random.below(3) };
      }
      case 4: {
        const call = [random.chance(0.5), amount, random.chance(0.1) ? 10n ** 30n : 0n, other];
        return { who, to: this.pool, data: this.pair.encodeFunctionData('swapExact', call) };
      }
      default:
        return { who, data: random.chance(0.5) ? '0x600a600c600039600a6000f3602a60005260206000f3' : '0xfe' };
    }
  }

  async run(count, options = () => ({})) {
    for (let i = 0; i < count; i++) {
      const requests = Array.from({ length: this.random.below(8) }, () => this.request());
      await this.block(requests, options(i));
    }
  }

  rlp() {
    return this.blocks.map((block) => block.serialize());
  }

  get head() {
    return { hash: bytesToHex(this.parent.hash()), root: bytesToHex(this.parent.header.stateRoot) };
  }
}
