//! Agreements of several validators in a simulated network, the rule of judging, and signatures.

mod judging;
mod news;
mod scenarios;
mod signatures;
mod sim;
