// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Payments in ether.
library Payments {
    /// @notice The recipient did not take the payment.
    error PaymentRefused(address to, uint256 amount);

    /// @notice Pays, or reverts. The recipient may be a contract and gets all gas that is left: callers guard against reentrance.
    /// @param to The recipient.
    /// @param amount Wei; nothing happens for 0.
    function pay(address to, uint256 amount) internal {
        if (amount == 0) return;
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert PaymentRefused(to, amount);
    }
}
