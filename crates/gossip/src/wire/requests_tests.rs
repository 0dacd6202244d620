//! Tests of the requests' containers.

use proptest::prelude::*;

use super::*;

fn requests() -> impl Strategy<Value = Request> {
    let root = || any::<[u8; 32]>().prop_map(Root::from);
    let slot = || any::<u64>().prop_map(Slot);
    let status = (any::<[u8; 4]>(), root(), slot(), slot(), root(), slot()).prop_map(
        |(digest, finalized, at, head, ledger, earliest)| {
            Request::Status(Status {
                fork_digest: ForkDigest(digest.into()),
                finalized_root: finalized,
                finalized_slot: at,
                head_slot: head,
                ledger_root: ledger,
                earliest_slot: earliest,
            })
        },
    );
    let range = || (0..u64::MAX - MAX_REQUEST_SLOTS, 1..=MAX_REQUEST_SLOTS);
    prop_oneof![
        status,
        any::<u64>().prop_map(|code| Request::Goodbye(Goodbye::from_code(code))),
        range().prop_map(|(start, count)| Request::Jobs(JobsByRange { start_slot: Slot(start), count })),
        range().prop_map(|(start, count)| Request::Bundles(BundlesByRange { start_slot: Slot(start), count })),
        (any::<u64>(), slot(), any::<[u8; 32]>()).prop_map(|(index, expires, part)| {
            let signature = quintet_types::SignatureBytes::from_slice(&[part, part, part].concat());
            Request::Introduction(Introduction { validator: quintet_types::ValidatorIndex(index), expires, signature })
        }),
        prop::collection::vec(root(), 1..=64)
            .prop_map(|roots| Request::Submissions(SubmissionsByRoot { roots: VariableList::new(roots).unwrap() })),
        root().prop_map(|root| Request::Outline(OutlineByRoot { root })),
        (root(), prop::collection::btree_set(any::<u16>(), 1..=MAX_REQUEST_PARTS)).prop_map(|(root, indices)| {
            let indices = indices.into_iter().collect::<Vec<_>>().try_into().unwrap();
            Request::Parts(PartsByIndex { root, indices })
        }),
    ]
}

proptest! {
    #[test]
    fn requests_survive_their_encoding(request in requests()) {
        let bytes = request.to_ssz();
        let (least, most) = request.kind().request_sizes();
        prop_assert!((least..=most).contains(&bytes.len()));
        prop_assert_eq!(Request::from_ssz(request.kind(), &bytes).unwrap(), request);
    }

    #[test]
    fn garbage_is_no_request_or_a_bounded_one(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..RequestKind::ALL.len()) {
        if let Ok(request) = Request::from_ssz(RequestKind::ALL[kind], &bytes) {
            prop_assert!(request.cost() <= MAX_REQUEST_SLOTS);
            prop_assert_eq!(request.to_ssz(), bytes);
        }
    }

    #[test]
    fn refusals_and_goodbyes_keep_their_numbers(code in 1u8..255) {
        prop_assert_eq!(Refusal::from_code(code).code(), code);
        prop_assert_eq!(Goodbye::from_code(code.into()).code(), u64::from(code));
    }
}

#[test]
fn requests_for_nothing_or_too_much_are_refused() {
    for count in [0, MAX_REQUEST_SLOTS + 1, u64::MAX] {
        let range = JobsByRange { start_slot: Slot(5), count }.as_ssz_bytes();
        assert!(Request::from_ssz(RequestKind::Jobs, &range).is_err());
        assert!(Request::from_ssz(RequestKind::Bundles, &range).is_err());
    }
    let beyond = JobsByRange { start_slot: Slot(u64::MAX), count: 1 }.as_ssz_bytes();
    assert!(Request::from_ssz(RequestKind::Jobs, &beyond).is_err());
    assert!(Request::from_ssz(RequestKind::Submissions, &[]).is_err());
    assert!(Request::from_ssz(RequestKind::Submissions, &[0; 65 * 32]).is_err());
    let parts = |indices: Vec<u16>| PartsByIndex { root: Root::ZERO, indices: indices.try_into().unwrap() }.as_ssz_bytes();
    assert!(Request::from_ssz(RequestKind::Parts, &parts(vec![0, 65_535])).is_ok());
    for wrong in [vec![], vec![3, 3], vec![4, 3]] {
        assert!(Request::from_ssz(RequestKind::Parts, &parts(wrong)).is_err());
    }
    let too_many: Vec<u8> = parts(vec![]).into_iter().chain((0..=1024u16).flat_map(u16::to_le_bytes)).collect();
    assert!(Request::from_ssz(RequestKind::Parts, &too_many).is_err());
}

#[test]
fn only_status_and_goodbye_are_spoken_between_networks() {
    let (a, b) = (ForkDigest([1; 4].into()), ForkDigest([2; 4].into()));
    for kind in RequestKind::ALL {
        let shared = matches!(kind, RequestKind::Status | RequestKind::Goodbye);
        assert_eq!(kind.protocol(a) == kind.protocol(b), shared);
        assert_eq!(RequestKind::ALL[kind.index()], kind);
    }
}
