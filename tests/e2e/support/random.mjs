// Reproducible random numbers: splitmix64 from GANTRY_SEED, or from the clock; the seed is printed.
export class Random {
  constructor(what, seed = process.env.GANTRY_SEED ?? String(Date.now())) {
    console.log(`${what}: GANTRY_SEED=${seed}`);
    this.state = BigInt.asUintN(64, BigInt(seed));
  }

  next() {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let z = this.state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }

  below(n) {
    return Number(this.next() % BigInt(n));
  }

  bigBelow(n) {
    return n === 0n ? 0n : ((this.next() << 64n) | this.next()) % n;
  }

  chance(p) {
    return this.below(1_000_000) < p * 1_000_000;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  shuffle(list) {
    for (let i = list.length; --i > 0;) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }

  bytes(n) {
    const out = Buffer.alloc(n);
    for (let i = 0; i < n; i++) out[i] = this.below(256);
    return out;
  }
}
