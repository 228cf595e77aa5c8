// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// An account with code that does what a test tells it: calls others, also from within a swap, and takes money or not.
contract Puppet {
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    bool public takesMoney = true;
    Call[] private inCallback;

    receive() external payable {
        require(takesMoney);
    }

    function takeMoney(bool yes) external {
        takesMoney = yes;
    }

    function play(Call[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; i++) perform(calls[i]);
    }

    function prepare(Call[] calldata calls) external {
        delete inCallback;
        for (uint256 i = 0; i < calls.length; i++) inCallback.push(calls[i]);
    }

    function uniswapV2Call(address, uint256, uint256, bytes calldata) external {
        for (uint256 i = 0; i < inCallback.length; i++) perform(inCallback[i]);
    }

    function perform(Call memory c) private {
        (bool ok, bytes memory answer) = c.to.call{value: c.value}(c.data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
