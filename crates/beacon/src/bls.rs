//! Verification of one BLS12-381 signature in the ciphersuite of the consensus layer.

use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};
use quintet_types::{PublicKeyBytes, Root, SignatureBytes};

/// Hash-to-curve tag of the consensus layer (proof-of-possession scheme).
const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// `bls.Verify`: both points are checked to lie in their subgroups, and the key not to be the identity.
pub(crate) fn verify(public_key: &PublicKeyBytes, message: &Root, signature: &SignatureBytes) -> bool {
    let (Ok(key), Ok(signature)) =
        (PublicKey::key_validate(public_key.as_slice()), Signature::sig_validate(signature.as_slice(), false))
    else {
        return false;
    };
    signature.verify(false, message.as_slice(), DST, &[], &key, false) == BLST_ERROR::BLST_SUCCESS
}
