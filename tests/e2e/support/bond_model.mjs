// examples/bond/Bond.sol once more, written plainly: what each step does, and why it is refused. Money that moves is
// counted for each party.
export class BondModel {
  constructor(terms, issuer) {
    Object.assign(this, { terms, issuer, money: 0n, units: 0n, issuedAt: 0n });
    this.admitted = new Set();
    this.holdings = new Map();
    this.gained = new Map(); // what a party has got less what it has given
  }

  of(who) {
    if (!this.holdings.has(who)) this.holdings.set(who, { units: 0n, settled: 0n, interest: 0n });
    return this.holdings.get(who);
  }

  due(now) {
    const { period, coupons } = this.terms;
    const over = this.issuedAt ? (now - this.issuedAt) / period : 0n;
    return over < coupons ? over : coupons;
  }

  interestOf(who, now) {
    const { units, settled, interest } = this.of(who);
    return interest + units * (this.due(now) - settled) * this.terms.coupon;
  }

  settle(who, now) {
    const holding = this.of(who);
    holding.interest = this.interestOf(who, now);
    holding.settled = this.due(now);
    return holding;
  }

  pay(who, amount) {
    if (amount > this.money) return 'IssuerHasNotPaidIn';
    this.money -= amount;
    this.gained.set(who, (this.gained.get(who) ?? 0n) + amount);
    return null;
  }

  // Takes a step at a time; returns the name of the error, after which nothing has changed, or null.
  take(step, who, args, value, now) {
    const before = structuredClone({ ...this, terms: null, issuer: null });
    const error = this[step](who, now, value, ...args);
    if (error !== null) Object.assign(this, { ...before, terms: this.terms, issuer: this.issuer });
    else this.gained.set(who, (this.gained.get(who) ?? 0n) - value);
    return error;
  }

  admit(who, now, value, investor, yes) {
    if (who !== this.issuer) return 'OnlyIssuer';
    this.admitted[yes ? 'add' : 'delete'](investor);
    return null;
  }

  buy(who, now, value) {
    const { price, cap, leastPurchase, mostHeld, fundingEnds } = this.terms;
    const units = value / price;
    const holding = this.of(who);
    if (!this.admitted.has(who)) return 'NotAdmitted';
    if (now > fundingEnds || this.issuedAt) return 'FundingOver';
    if (units * price !== value) return 'NotWholeUnits';
    if (units < leastPurchase) return 'PurchaseTooSmall';
    if (this.units + units > cap) return 'SoldOut';
    if (holding.units + units > mostHeld) return 'HoldsTooMuch';
    holding.units += units;
    this.units += units;
    this.money += value;
    return null;
  }

  issue(who, now) {
    if (who !== this.issuer) return 'OnlyIssuer';
    if (this.issuedAt) return 'AlreadyIssued';
    if (this.units < this.terms.goal) return 'GoalNotMet';
    if (now > this.terms.issueEnds) return 'TooLateToIssue';
    this.issuedAt = now;
    return this.pay(who, this.units * this.terms.price);
  }

  refund(who, now) {
    const { fundingEnds, issueEnds, goal, price } = this.terms;
    const failed = now > issueEnds || (now > fundingEnds && this.units < goal);
    const holding = this.of(who);
    if (this.issuedAt || !failed) return 'NotRefundable';
    if (!holding.units) return 'NoUnits';
    const { units } = holding;
    holding.units = 0n;
    this.units -= units;
    return this.pay(who, units * price);
  }

  payIn(who, now, value) {
    if (who !== this.issuer) return 'OnlyIssuer';
    if (!this.issuedAt) return 'NotIssued';
    this.money += value;
    return null;
  }

  fetchInterest(who, now) {
    if (!this.issuedAt) return 'NotIssued';
    const holding = this.settle(who, now);
    const amount = holding.interest;
    if (!amount) return 'NothingDue';
    holding.interest = 0n;
    return this.pay(who, amount);
  }

  transfer(who, now, value, to, units) {
    if (!this.issuedAt) return 'NotIssued';
    if (!this.admitted.has(to)) return 'NotAdmitted';
    if (!units || units > this.of(who).units) return 'NotEnoughUnits';
    this.settle(who, now);
    this.settle(to, now);
    this.of(who).units -= units;
    this.of(to).units += units;
    return null;
  }

  redeem(who, now) {
    const { coupons, period, price } = this.terms;
    if (!this.issuedAt) return 'NotIssued';
    if (now < this.issuedAt + coupons * period) return 'NotMature';
    const holding = this.settle(who, now);
    if (!holding.units) return 'NoUnits';
    const { units, interest } = holding;
    holding.units = 0n;
    holding.interest = 0n;
    this.units -= units;
    return this.pay(who, units * price + interest);
  }

  reclaim(who) {
    if (who !== this.issuer) return 'OnlyIssuer';
    if (!this.issuedAt) return 'NotIssued';
    if (this.units) return 'StillOwed';
    const unfetched = [...this.holdings.values()].reduce((sum, { interest }) => sum + interest, 0n);
    if (this.money <= unfetched) return 'NothingToReclaim';
    return this.pay(who, this.money - unfetched);
  }
}
