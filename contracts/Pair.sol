// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

interface IPairCallee {
    function uniswapV2Call(address sender, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

/// A pair of Uniswap v2's kind: a pool of two tokens that trades at constant product with a fee of 0.3 %. Shares of the
/// pool are a token, too. mint, burn and swap work as there: the caller's tokens are sent to the pair before, and the
/// pair looks at what it has more than it knows of. swapExact fetches the tokens itself, so that a swap is one
/// transaction without a router.
contract Pair is Token {
    uint256 public constant MINIMUM_LIQUIDITY = 1000;

    Token public immutable token0;
    Token public immutable token1;

    // One slot.
    uint112 private reserve0;
    uint112 private reserve1;
    uint32 private reservesSetAt;

    // Sums of price x seconds, prices with 112 binary places, for oracles. They overflow, by design.
    uint256 public price0CumulativeLast;
    uint256 public price1CumulativeLast;

    uint256 private unlocked = 1;

    event Mint(address indexed sender, uint256 amount0, uint256 amount1);
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);
    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );
    event Sync(uint112 reserve0, uint112 reserve1);

    error Locked();
    error SameToken();
    error ReservesTooLarge();
    error NoLiquidity();
    error NothingIn();
    error NothingOut();
    error OutTooSmall(uint256 amountOut);
    error BadRecipient();
    error ProductTooSmall();
    error TokenRefused();

    modifier lock() {
        if (unlocked != 1) revert Locked();
        unlocked = 2;
        _;
        unlocked = 1;
    }

    constructor(Token a, Token b) Token("Pool share", "POOL", 0) {
        if (address(a) == address(b)) revert SameToken();
        (token0, token1) = address(a) < address(b) ? (a, b) : (b, a);
    }

    function getReserves() public view returns (uint112, uint112, uint32) {
        return (reserve0, reserve1, reservesSetAt);
    }

    /// Gives shares for the tokens that were sent here.
    function mint(address to) external lock returns (uint256 shares) {
        (uint112 known0, uint112 known1,) = getReserves();
        (uint256 balance0, uint256 balance1) = balances();
        uint256 amount0 = balance0 - known0;
        uint256 amount1 = balance1 - known1;
        if (totalSupply == 0) {
            uint256 root = squareRoot(amount0 * amount1);
            if (root <= MINIMUM_LIQUIDITY) revert NoLiquidity();
            shares = root - MINIMUM_LIQUIDITY;
            mint_(address(0), MINIMUM_LIQUIDITY); // nobody's: a share never becomes too dear
        } else {
            shares = smaller(amount0 * totalSupply / known0, amount1 * totalSupply / known1);
        }
        if (shares == 0) revert NoLiquidity();
        mint_(to, shares);
        update(balance0, balance1, known0, known1);
        emit Mint(msg.sender, amount0, amount1);
    }

    /// Gives tokens for the shares that were sent here.
    function burn(address to) external lock returns (uint256 amount0, uint256 amount1) {
        (uint112 known0, uint112 known1,) = getReserves();
        (uint256 balance0, uint256 balance1) = balances();
        uint256 shares = balanceOf[address(this)];
        amount0 = shares * balance0 / totalSupply;
        amount1 = shares * balance1 / totalSupply;
        if (amount0 == 0 || amount1 == 0) revert NoLiquidity();
        burn_(address(this), shares);
        send(token0, to, amount0);
        send(token1, to, amount1);
        (balance0, balance1) = balances();
        update(balance0, balance1, known0, known1);
        emit Burn(msg.sender, amount0, amount1, to);
    }

    /// Pays out first; by the end the pair must have got enough, before this call or in the recipient's callback.
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external lock {
        if (amount0Out == 0 && amount1Out == 0) revert NothingOut();
        (uint112 known0, uint112 known1,) = getReserves();
        if (amount0Out >= known0 || amount1Out >= known1) revert NoLiquidity();
        if (to == address(token0) || to == address(token1)) revert BadRecipient();
        if (amount0Out > 0) send(token0, to, amount0Out);
        if (amount1Out > 0) send(token1, to, amount1Out);
        if (data.length > 0) IPairCallee(to).uniswapV2Call(msg.sender, amount0Out, amount1Out, data);
        (uint256 balance0, uint256 balance1) = balances();
        uint256 in0 = balance0 + amount0Out > known0 ? balance0 + amount0Out - known0 : 0;
        uint256 in1 = balance1 + amount1Out > known1 ? balance1 + amount1Out - known1 : 0;
        if (in0 == 0 && in1 == 0) revert NothingIn();
        uint256 adjusted0 = balance0 * 1000 - in0 * 3;
        uint256 adjusted1 = balance1 * 1000 - in1 * 3;
        if (adjusted0 * adjusted1 < uint256(known0) * known1 * 1000 ** 2) revert ProductTooSmall();
        update(balance0, balance1, known0, known1);
        emit Swap(msg.sender, in0, in1, amount0Out, amount1Out, to);
    }

    /// Fetches amountIn of one token from the caller, who has allowed it, and gives what that buys of the other one.
    function swapExact(bool zeroForOne, uint256 amountIn, uint256 leastOut, address to)
        external
        lock
        returns (uint256 amountOut)
    {
        (uint112 known0, uint112 known1,) = getReserves();
        if (to == address(token0) || to == address(token1)) revert BadRecipient();
        amountOut = zeroForOne ? quote(amountIn, known0, known1) : quote(amountIn, known1, known0);
        if (amountOut == 0 || amountOut < leastOut) revert OutTooSmall(amountOut);
        (Token tokenIn, Token tokenOut) = zeroForOne ? (token0, token1) : (token1, token0);
        if (!tokenIn.transferFrom(msg.sender, address(this), amountIn)) revert TokenRefused();
        send(tokenOut, to, amountOut);
        (uint256 balance0, uint256 balance1) = balances();
        if (balance0 * balance1 < uint256(known0) * known1) revert ProductTooSmall();
        update(balance0, balance1, known0, known1);
        if (zeroForOne) emit Swap(msg.sender, amountIn, 0, 0, amountOut, to);
        else emit Swap(msg.sender, 0, amountIn, amountOut, 0, to);
    }

    /// What amountIn buys, after the fee.
    function quote(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) public pure returns (uint256) {
        if (amountIn == 0) revert NothingIn();
        if (reserveIn == 0 || reserveOut == 0) revert NoLiquidity();
        uint256 afterFee = amountIn * 997;
        return afterFee * reserveOut / (reserveIn * 1000 + afterFee);
    }

    /// Takes what was sent here by mistake as part of the pool.
    function sync() external lock {
        (uint256 balance0, uint256 balance1) = balances();
        update(balance0, balance1, reserve0, reserve1);
    }

    function balances() private view returns (uint256, uint256) {
        return (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
    }

    function send(Token token, address to, uint256 amount) private {
        if (!token.transfer(to, amount)) revert TokenRefused();
    }

    function update(uint256 balance0, uint256 balance1, uint112 known0, uint112 known1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) revert ReservesTooLarge();
        unchecked {
            uint32 now32 = uint32(block.timestamp);
            uint32 elapsed = now32 - reservesSetAt;
            if (elapsed > 0 && known0 != 0 && known1 != 0) {
                price0CumulativeLast += (uint256(known1) << 112) / known0 * elapsed;
                price1CumulativeLast += (uint256(known0) << 112) / known1 * elapsed;
            }
            reserve0 = uint112(balance0);
            reserve1 = uint112(balance1);
            reservesSetAt = now32;
        }
        emit Sync(uint112(balance0), uint112(balance1));
    }

    function smaller(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// Rounded down, by Newton's method from above.
    function squareRoot(uint256 n) private pure returns (uint256 root) {
        if (n < 4) return n == 0 ? 0 : 1;
        root = n;
        for (uint256 next = n / 2 + 1; next < root; next = (n / next + next) / 2) {
            root = next;
        }
    }
}
