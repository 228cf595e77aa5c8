// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A bond: units are sold while it is being funded, it is issued only if the goal was met in time, pays a coupon for
/// each period and its price back at maturity. Money is in wei, times in seconds since 1970. Nothing happens by itself:
/// each step is a transaction of the one who wants it, who pays its gas.
///
/// Whoever is owed money fetches it; no step of one holder depends on another's account taking money.
contract Bond {
    // The types are so narrow that no product of them overflows 256 bits.
    struct Terms {
        uint96 price; // of a unit; also what is paid back for it
        uint96 coupon; // interest of a unit and period
        uint64 goal; // units that must be sold, or the bond is not issued
        uint64 cap; // units that are sold at most
        uint64 leastPurchase; // units a purchase has at least
        uint64 mostHeld; // units that one investor may buy in all
        uint32 coupons; // number of periods until maturity
        uint32 period; // length of one
        uint64 fundingEnds; // last second in which units are sold
        uint64 issueEnds; // last second in which the bond can be issued
    }

    struct Holding {
        uint256 units;
        uint256 settledCoupons; // periods whose interest is in `interest` or was paid
        uint256 interest; // earned and not yet fetched
    }

    address public immutable issuer;
    Terms public terms;
    uint256 public units; // sold and neither refunded nor redeemed
    uint256 public issuedAt; // 0: not issued
    uint256 public unfetched; // all interest that is settled and not paid
    mapping(address => bool) public admitted;
    mapping(address => Holding) public holdings;

    event Admitted(address indexed investor, bool admitted);
    event Bought(address indexed investor, uint256 units);
    event Issued(uint256 units, uint256 proceeds);
    event Refunded(address indexed investor, uint256 units);
    event PaidIn(uint256 amount);
    event InterestPaid(address indexed investor, uint256 amount);
    event Transferred(address indexed from, address indexed to, uint256 units);
    event Redeemed(address indexed investor, uint256 units, uint256 amount);
    event Reclaimed(uint256 amount);

    error BadTerms();
    error OnlyIssuer();
    error NotAdmitted(address investor);
    error FundingOver();
    error NotWholeUnits(uint256 price);
    error PurchaseTooSmall(uint256 least);
    error HoldsTooMuch(uint256 most);
    error SoldOut(uint256 unitsLeft);
    error GoalNotMet(uint256 goal, uint256 sold);
    error TooLateToIssue();
    error AlreadyIssued();
    error NotIssued();
    error NotRefundable();
    error NoUnits();
    error NotEnoughUnits(uint256 held);
    error NothingDue();
    error NotMature(uint256 maturity);
    error IssuerHasNotPaidIn(uint256 missing);
    error StillOwed(uint256 units);
    error NothingToReclaim();
    error PaymentRefused();

    modifier onlyIssuer() {
        if (msg.sender != issuer) revert OnlyIssuer();
        _;
    }

    modifier whenIssued() {
        if (issuedAt == 0) revert NotIssued();
        _;
    }

    constructor(Terms memory t) {
        if (
            t.price == 0 || t.goal == 0 || t.cap < t.goal || t.leastPurchase == 0 || t.mostHeld < t.leastPurchase
                || t.coupons == 0 || t.period == 0 || t.fundingEnds < block.timestamp || t.issueEnds < t.fundingEnds
        ) revert BadTerms();
        issuer = msg.sender;
        terms = t;
    }

    /// The issuer says who may hold the bond. What somebody holds already stays theirs.
    function admit(address investor, bool yes) external onlyIssuer {
        admitted[investor] = yes;
        emit Admitted(investor, yes);
    }

    /// Buys as many units as the value pays for.
    function buy() external payable {
        Terms storage t = terms;
        if (!admitted[msg.sender]) revert NotAdmitted(msg.sender);
        if (block.timestamp > t.fundingEnds || issuedAt != 0) revert FundingOver();
        if (msg.value % t.price != 0) revert NotWholeUnits(t.price);
        uint256 bought = msg.value / t.price;
        if (bought < t.leastPurchase) revert PurchaseTooSmall(t.leastPurchase);
        if (bought > t.cap - units) revert SoldOut(t.cap - units);
        Holding storage holding = holdings[msg.sender];
        if (holding.units + bought > t.mostHeld) revert HoldsTooMuch(t.mostHeld);
        holding.units += bought;
        units += bought;
        emit Bought(msg.sender, bought);
    }

    /// Ends the funding and gives the issuer the proceeds. Interest runs from this second.
    function issue() external onlyIssuer {
        if (issuedAt != 0) revert AlreadyIssued();
        if (units < terms.goal) revert GoalNotMet(terms.goal, units);
        if (block.timestamp > terms.issueEnds) revert TooLateToIssue();
        issuedAt = block.timestamp;
        uint256 proceeds = units * terms.price;
        emit Issued(units, proceeds);
        pay(issuer, proceeds);
    }

    /// Gives an investor the price of all units back: when the goal was not met in time, or the issuer let the time for
    /// issuing pass.
    function refund() external {
        bool failed = block.timestamp > terms.fundingEnds && units < terms.goal;
        if (issuedAt != 0 || !(failed || block.timestamp > terms.issueEnds)) revert NotRefundable();
        uint256 held = takeUnits(holdings[msg.sender]);
        emit Refunded(msg.sender, held);
        pay(msg.sender, held * terms.price);
    }

    /// The issuer's money for interest and redemption. It can't be taken out again while a unit is owed for.
    function payIn() external payable onlyIssuer whenIssued {
        emit PaidIn(msg.value);
    }

    /// Gives a holder the interest of all periods that are over.
    function fetchInterest() external whenIssued {
        Holding storage holding = holdings[msg.sender];
        settle(holding);
        uint256 amount = takeInterest(holding);
        if (amount == 0) revert NothingDue();
        emit InterestPaid(msg.sender, amount);
        payFromDeposit(msg.sender, amount);
    }

    /// Hands units to another admitted investor. Interest of the periods that are over stays with the one who hands over.
    function transfer(address to, uint256 amount) external whenIssued {
        if (!admitted[to]) revert NotAdmitted(to);
        Holding storage from = holdings[msg.sender];
        if (amount == 0 || amount > from.units) revert NotEnoughUnits(from.units);
        settle(from);
        settle(holdings[to]);
        from.units -= amount;
        holdings[to].units += amount;
        emit Transferred(msg.sender, to, amount);
    }

    /// At maturity: gives a holder the price of all units and the interest not yet fetched.
    function redeem() external whenIssued {
        if (block.timestamp < maturity()) revert NotMature(maturity());
        Holding storage holding = holdings[msg.sender];
        settle(holding);
        uint256 held = takeUnits(holding);
        uint256 amount = held * terms.price + takeInterest(holding);
        emit Redeemed(msg.sender, held, amount);
        payFromDeposit(msg.sender, amount);
    }

    /// What is left when every unit is redeemed belongs to the issuer, less the interest that former holders have not
    /// fetched.
    function reclaim() external onlyIssuer whenIssued {
        if (units != 0) revert StillOwed(units);
        if (address(this).balance <= unfetched) revert NothingToReclaim();
        uint256 amount = address(this).balance - unfetched;
        emit Reclaimed(amount);
        pay(issuer, amount);
    }

    function maturity() public view returns (uint256) {
        return issuedAt + uint256(terms.coupons) * terms.period;
    }

    /// Periods that are over.
    function couponsDue() public view returns (uint256) {
        if (issuedAt == 0) return 0;
        uint256 due = (block.timestamp - issuedAt) / terms.period;
        return due < terms.coupons ? due : terms.coupons;
    }

    /// Interest that an investor could fetch now.
    function interestOf(address investor) external view returns (uint256) {
        Holding storage holding = holdings[investor];
        return holding.interest + holding.units * (couponsDue() - holding.settledCoupons) * terms.coupon;
    }

    function settle(Holding storage holding) private {
        uint256 due = couponsDue();
        uint256 earned = holding.units * (due - holding.settledCoupons) * terms.coupon;
        holding.settledCoupons = due;
        holding.interest += earned;
        unfetched += earned;
    }

    function takeInterest(Holding storage holding) private returns (uint256 amount) {
        amount = holding.interest;
        holding.interest = 0;
        unfetched -= amount;
    }

    function takeUnits(Holding storage holding) private returns (uint256 amount) {
        amount = holding.units;
        if (amount == 0) revert NoUnits();
        holding.units = 0;
        units -= amount;
    }

    function payFromDeposit(address to, uint256 amount) private {
        if (address(this).balance < amount) revert IssuerHasNotPaidIn(amount - address(this).balance);
        pay(to, amount);
    }

    /// Last in every function: whoever is called here finds the books closed.
    function pay(address to, uint256 amount) private {
        (bool taken,) = to.call{value: amount}("");
        if (!taken) revert PaymentRefused();
    }
}
