// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// A token of gantry load: its creator gives to many accounts at once, and lets a pair take what they have.
contract LoadToken is Token {
    address private immutable creator;

    error OnlyCreator();

    constructor() Token("Load", "LOAD", 0) {
        creator = msg.sender;
    }

    function prepare(address[] calldata owners, uint256 value, address spender) external {
        if (msg.sender != creator) revert OnlyCreator();
        for (uint256 i = 0; i < owners.length; i++) {
            mint_(owners[i], value);
            if (spender == address(0)) continue;
            allowance[owners[i]][spender] = type(uint256).max;
            emit Approval(owners[i], spender, type(uint256).max);
        }
    }
}
