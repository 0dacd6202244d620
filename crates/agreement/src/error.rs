//! What is wrong with a message, a committee or a record.

use quintet_types::{Root, ValidatorIndex};

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The committee has no weight.
    #[error("a committee needs weight, and has none")]
    NoWeight,
    /// Weights are so large that a third of them cannot be computed.
    #[error("the committee's weights add up to more than {limit}", limit = u64::MAX / 3)]
    TooMuchWeight,
    /// More members than a certificate can name.
    #[error("a committee of {found} voters is larger than {limit}")]
    TooManyVoters {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A validator stands in the committee twice.
    #[error("validator {0} stands in the committee twice")]
    TwiceInCommittee(ValidatorIndex),
    /// The signer is not of the committee, or has no vote.
    #[error("validator {0} has no vote here")]
    NoVoter(ValidatorIndex),
    /// A signature is no point, or does not verify.
    #[error("the signature of validator {0} does not verify")]
    Signature(ValidatorIndex),
    /// An aggregate is no point, or does not verify.
    #[error("the aggregated signature does not verify")]
    Aggregate,
    /// Signers do not rise strictly.
    #[error("the signers do not rise strictly")]
    NotOrdered,
    /// Too few signed.
    #[error("signers weigh {found} of {total}: not more than two thirds")]
    NoQuorum {
        /// Their weight.
        found: u64,
        /// The committee's weight.
        total: u64,
    },
    /// The certificate is of another bundle.
    #[error("the certificate is of bundle {certified}, not of {found}")]
    OtherBundle {
        /// The root in the certificate.
        certified: Root,
        /// The bundle's root.
        found: Root,
    },
    /// The message is of another job or phase.
    #[error("the message is of another job or phase")]
    OtherPlace,
    /// The parts of a proposal do not belong together.
    #[error("not a proposal: {0}")]
    Malformed(&'static str),
    /// The two parts do not contradict each other.
    #[error("the two messages do not contradict each other")]
    NoContradiction,
}
