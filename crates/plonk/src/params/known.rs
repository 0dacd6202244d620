//! Hashes of the parameters of the usual sizes: they are the same for everyone, so a file that differs is wrong, whoever wrote it.

/// BLAKE2b-256 of upstream's encoding, by k. Larger sizes are checked against the hash in their file alone.
pub(super) const KNOWN: &[(u32, &str)] = &[
    (6, "512676d8451d8d320d9c8f94b5a28a9a8758ddb1f6b6848c40b6290b2dc081f5"),
    (7, "0933a610f4969ef1f4ecb63454dc8f7e91dc7e181e0c86f1814a82f767683f5a"),
    (8, "4e2600d2146e0356001d39e1cf3f0048c75a428251afd0c03fbc6d5e3b90c2a9"),
    (9, "e8e5479981383bf74da627a6a3fa6f77463a36d9184372c1023f1cde66f80750"),
    (10, "7cb87405f41de2a0f0b640d702482629d77a15c469d79d864407c0494d4e75ed"),
    (11, "773ee1d3dcc65a13e97e4d88119d1d20fb12a8db4443361f370c75bdc2c91382"),
    (12, "8d715ccc1bbb447a03a53ef53866f060ce574c0d76e00ed7aea35f8be6fc0af5"),
    (13, "c2ecc4e0390ee1c5ed97822aa97119721bd01a3008a127113fa84de347e994c6"),
    (14, "7e77bf05488d7e8514ef5dcbe9326091994853a7bbb1e39272a0b8fe53c6d40c"),
    (15, "1eef393892a47e431d6385d684efe3fc0011382011ca878b596da2ad3b89e400"),
    (16, "96148e6086e2a9d113583a62a6bbc1e1faae9f9ab5c3fa6ec545601ea5fcd802"),
];
