//! What identifies a network.

use quintet_types::{Root, Spec};

/// Hash of all parameters, by which daemon and sidecar see that they mean the same network.
pub fn spec_root(spec: &Spec) -> Root {
    quintet_payload::input_root(spec.to_toml().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_types::spec::Network;

    #[test]
    fn any_parameter_changes_the_root() {
        let spec = Network::Devnet.spec();
        assert_eq!(spec_root(&spec), spec_root(&Network::Devnet.spec()));
        assert_ne!(spec_root(&spec), spec_root(&Spec { phase_slots: spec.phase_slots + 1, ..spec.clone() }));
        assert_ne!(spec_root(&spec), spec_root(&Network::Hoodi.spec()));
    }
}
