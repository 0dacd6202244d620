//! The shader sources, compiled into the program.

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        /// Text of a module in `shaders/`, by its file's name without ending.
        pub fn module(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../../../../shaders/", $name, ".wgsl"))),)*
                _ => None,
            }
        }

        /// Names of all modules.
        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$($name),*];
    };
}

modules![
    "combine",
    "constraints",
    "coset_fold",
    "curve",
    "divide",
    "expand",
    "field",
    "field_ops",
    "fold",
    "inner",
    "integers",
    "ipa_spread",
    "ipa_weights",
    "limbs13",
    "limbs32",
    "msm_digits",
    "msm_scan",
    "msm_sums",
    "msm_window",
    "ntt",
    "powers",
    "quotient",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shader::{FieldKind, Layout, compose, constants};

    #[test]
    fn modules_can_be_put_together_in_every_layout() {
        for layout in [Layout::Limbs13, Layout::Limbs32] {
            let mut context = constants(FieldKind::Fq, layout);
            for name in ["LOG_RADIX", "RADIX", "THREADS", "CHUNK", "FINISH", "REGISTERS", "SPILL", "MIXED", "SEGMENT"] {
                context.set(name, 1);
            }
            for (number, name) in (1..).zip(["COLUMNS", "VALUES", "SCALARS", "HANDED", "RESULT"]) {
                context.set(name, number);
            }
            for name in NAMES {
                let text = compose(name, &context, &module).unwrap();
                assert!(!text.contains('$') && !text.lines().any(|line| line.trim_start().starts_with('#')), "{name}");
            }
        }
    }
}
