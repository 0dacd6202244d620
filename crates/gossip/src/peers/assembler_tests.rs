//! Tests of what is asked for, what is waited for, and who is to blame.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::memory::Budget;

const KIND: PartKind = PartKind::PartialId;

fn id(n: u32) -> Vec<u8> {
    let mut bytes = vec![n as u8; 32];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    bytes
}

fn named(n: u32) -> (PartName, Part) {
    (PartName::of(KIND, &id(n)), id(n).into())
}

static BUDGET: LazyLock<Budget> = LazyLock::new(|| Budget::new(1 << 30));

/// With room that is there.
fn held<T>(content: T) -> Held<T> {
    Held { content, room: BUDGET.take(0).unwrap() }
}

fn outline(parts: &[u32]) -> Outline {
    let names: Vec<u8> = parts.iter().flat_map(|n| n.to_le_bytes()).collect();
    Outline { rest: vec![1, 2, 3].try_into().unwrap(), names: names.try_into().unwrap() }
}

fn root(n: u8) -> Root {
    Root::repeat_byte(n)
}

fn ask(indices: &[u16]) -> Step {
    Step::Ask(indices.to_vec().try_into().unwrap())
}

/// A wait that is over at once.
fn no_wait() -> Instant {
    Instant::now()
}

fn fill(parts: &[u32], pulled: usize) -> Step {
    let held = parts.iter().map(|n| id(*n).into()).collect();
    Step::Fill(Assembly { outline: outline(parts), parts: held, pulled })
}

#[test]
fn what_is_known_is_not_asked_for() {
    let (mut assembler, peer) = (Assembler::new(1 << 20), PeerId::random());
    assembler.learn(vec![named(2), named(4)]);
    let step = assembler.begin(root(1), peer, KIND, held(outline(&[1, 2, 3])), no_wait()).unwrap();
    assert_eq!(step, Some((root(1), peer, ask(&[0, 2]))));
    let turns = assembler.arrived(&root(1), &peer, held(vec![id(1), id(3)])).unwrap();
    assert_eq!(turns, [(root(1), peer, fill(&[1, 2, 3], 2))]);
    let all_known = assembler.begin(root(2), peer, KIND, held(outline(&[4, 2])), no_wait()).unwrap();
    assert_eq!(all_known, Some((root(2), peer, fill(&[4, 2], 0))));
    assert_eq!(assembler.end(&root(1)), (Some(Blame::Open(outline(&[1, 2, 3]))), vec![]));
}

#[test]
fn what_is_on_its_way_is_asked_for_once() {
    let mut assembler = Assembler::new(1 << 20);
    let [one, two, three] = [(); 3].map(|()| PeerId::random());
    assert_eq!(
        assembler.begin(root(1), one, KIND, held(outline(&[1, 2])), no_wait()).unwrap(),
        Some((root(1), one, ask(&[0, 1])))
    );
    assert_eq!(
        assembler.begin(root(2), two, KIND, held(outline(&[2, 3])), no_wait()).unwrap(),
        Some((root(2), two, ask(&[1])))
    );
    assert_eq!(
        assembler.begin(root(3), three, KIND, held(outline(&[3, 1])), no_wait()).unwrap(),
        None,
        "both are on their way"
    );
    assert_eq!(
        assembler.arrived(&root(1), &one, held(vec![id(1), id(2)])).unwrap(),
        [(root(1), one, fill(&[1, 2], 2))],
        "the others lack one"
    );
    assert_eq!(
        assembler.arrived(&root(2), &two, held(vec![id(3)])).unwrap(),
        [(root(2), two, fill(&[2, 3], 1)), (root(3), three, fill(&[3, 1], 0))]
    );
    assert_eq!(assembler.end(&root(1)).0, Some(Blame::Peer), "all of it is from there");
    assert_eq!(assembler.end(&root(2)).0, Some(Blame::Open(outline(&[2, 3]))));
}

#[test]
fn who_waited_asks_for_itself_when_the_other_fails_and_does_not_wait_again() {
    let mut assembler = Assembler::new(1 << 20);
    let [one, two, three] = [(); 3].map(|()| PeerId::random());
    assembler.begin(root(1), one, KIND, held(outline(&[1, 2])), no_wait()).unwrap();
    for (n, peer) in [(2, two), (3, three)] {
        assert_eq!(assembler.begin(root(n), peer, KIND, held(outline(&[2])), no_wait()).unwrap(), None);
    }
    let (_, turns) = assembler.end(&root(1));
    assert_eq!(turns, [(root(2), two, ask(&[0])), (root(3), three, ask(&[0]))]);
    let turns = assembler.arrived(&root(3), &three, held(vec![id(2)])).unwrap();
    assert_eq!(turns, [(root(2), two, fill(&[2], 0)), (root(3), three, fill(&[2], 1))]);
    assert_eq!(assembler.arrived(&root(2), &two, held(vec![id(2)])), Ok(vec![]), "its own answer is late, and right");
}

#[test]
fn who_waited_long_enough_asks_for_itself() {
    let (mut assembler, now) = (Assembler::new(1 << 20), Instant::now());
    let [one, two, three] = [(); 3].map(|()| PeerId::random());
    let until = now + Duration::from_millis(500);
    assembler.begin(root(1), one, KIND, held(outline(&[1, 2])), now).unwrap();
    assert_eq!(assembler.begin(root(2), two, KIND, held(outline(&[2])), until).unwrap(), None);
    assert_eq!(
        assembler.begin(root(3), three, KIND, held(outline(&[1, 3])), until).unwrap(),
        Some((root(3), three, ask(&[1])))
    );
    assert_eq!(assembler.overdue(until - Duration::from_millis(1)), []);
    assert_eq!(assembler.overdue(until), [(root(2), two, ask(&[0]))], "the third one is still asking for something else");
    assert_eq!(assembler.overdue(until), []);
    assert_eq!(assembler.arrived(&root(3), &three, held(vec![id(3)])).unwrap(), [(root(3), three, ask(&[0]))]);
}

#[test]
fn parts_of_others_take_room_and_where_there_is_none_are_asked_for() {
    let mut assembler = Assembler::new(1 << 20);
    let [one, two] = [(); 2].map(|()| PeerId::random());
    assembler.begin(root(1), one, KIND, held(outline(&[1, 2])), no_wait()).unwrap();
    // Room for one of them.
    let small = Budget::new(40);
    let outline = Held { content: outline(&[1, 2]), room: small.take(0).unwrap() };
    assert_eq!(assembler.begin(root(2), two, KIND, outline, no_wait()).unwrap(), None);
    let turns = assembler.arrived(&root(1), &one, held(vec![id(1), id(2)])).unwrap();
    assert_eq!(turns, [(root(1), one, fill(&[1, 2], 2)), (root(2), two, ask(&[1]))]);
    assert_eq!(small.left(), 8);
    assembler.end(&root(2));
    assert_eq!(small.left(), 40);
}

#[test]
fn what_came_for_another_one_is_there_before_that_is_checked() {
    let mut assembler = Assembler::new(1 << 20);
    let [one, two] = [(); 2].map(|()| PeerId::random());
    assembler.begin(root(1), one, KIND, held(outline(&[1, 2])), no_wait()).unwrap();
    assembler.arrived(&root(1), &one, held(vec![id(1), id(2)])).unwrap();
    let step = assembler.begin(root(2), two, KIND, held(outline(&[2, 1])), no_wait()).unwrap();
    assert_eq!(step, Some((root(2), two, fill(&[2, 1], 0))));
    assert_eq!(assembler.end(&root(2)).0, Some(Blame::Open(outline(&[2, 1]))));
}

#[test]
fn other_parts_than_those_asked_for_are_a_lie() {
    let peer = PeerId::random();
    for wrong in [vec![id(1)], vec![id(1), id(3)], vec![id(2), id(1)], vec![id(1), id(2), id(2)], vec![id(1), vec![]]] {
        let mut assembler = Assembler::new(1 << 20);
        assembler.begin(root(1), peer, KIND, held(outline(&[1, 2])), no_wait()).unwrap();
        assert_eq!(assembler.arrived(&root(1), &PeerId::random(), held(wrong.clone())), Ok(vec![]), "nobody asked that one");
        assert_eq!(assembler.arrived(&root(1), &peer, held(wrong)), Err(Lie));
    }
    let mut broken = outline(&[1, 2]);
    broken.names = vec![0; 7].try_into().unwrap();
    assert_eq!(Assembler::new(1 << 20).begin(root(1), peer, KIND, held(broken), no_wait()), Err(Lie));
}

#[test]
fn a_name_that_two_parts_have_is_asked_for_by_everybody() {
    let mut assembler = Assembler::new(1 << 20);
    let [one, two] = [(); 2].map(|()| PeerId::random());
    let twin: Part = [&id(1)[..4], &[0xee; 28]].concat().into();
    assembler.learn(vec![named(1), (PartName::of(KIND, &twin), twin.clone())]);
    assert_eq!(assembler.begin(root(1), one, KIND, held(outline(&[1])), no_wait()).unwrap(), Some((root(1), one, ask(&[0]))));
    assert_eq!(assembler.begin(root(2), two, KIND, held(outline(&[1])), no_wait()).unwrap(), Some((root(2), two, ask(&[0]))));
    assert_eq!(assembler.arrived(&root(1), &one, held(vec![id(1)])).unwrap(), [(root(1), one, fill(&[1], 1))]);
    let others = Assembly { outline: outline(&[1]), parts: vec![twin.clone()], pulled: 1 };
    let turns = assembler.arrived(&root(2), &two, held(vec![twin.to_vec()])).unwrap();
    assert_eq!(turns, [(root(2), two, Step::Fill(others))], "what the first one got is not for the second");
}

#[test]
fn outlines_of_too_much_that_is_missing_are_pulled_whole() {
    let (mut assembler, peer) = (Assembler::new(1 << 20), PeerId::random());
    let all: Vec<u32> = (0..=MAX_REQUEST_PARTS as u32).collect();
    assert_eq!(
        assembler.begin(root(1), peer, KIND, held(outline(&all)), no_wait()).unwrap(),
        Some((root(1), peer, Step::Whole))
    );
    assembler.learn(vec![named(0)]);
    let Some((_, _, Step::Ask(indices))) = assembler.begin(root(1), peer, KIND, held(outline(&all)), no_wait()).unwrap() else {
        panic!()
    };
    assert_eq!(indices.len(), MAX_REQUEST_PARTS);
}

#[test]
fn an_outline_with_one_name_for_two_parts_is_of_no_use() {
    let (mut assembler, peer) = (Assembler::new(1 << 20), PeerId::random());
    let whole = Some((root(1), peer, Step::Whole));
    assert_eq!(assembler.begin(root(1), peer, KIND, held(outline(&[1, 2, 1])), no_wait()).unwrap(), whole);
    assembler.learn(vec![named(1)]);
    assert_eq!(assembler.begin(root(1), peer, KIND, held(outline(&[1, 2, 1])), no_wait()).unwrap(), whole);
    assert_eq!(assembler.end(&root(1)), (None, vec![]), "nobody is to blame for what did not begin");
}

#[test]
fn parts_count_with_what_is_around_them() {
    let assembly = Assembly { outline: outline(&[]), parts: vec![Part::from(vec![0; 1000]); 5], pulled: 1 };
    assert_eq!(assembly.bytes(), 5003);
}

proptest! {
    /// Whatever comes and fails in whatever order: each outline is filled exactly once or ends, and nobody waits for what is not on its way.
    #[test]
    fn nobody_waits_in_vain(
        wanted in prop::collection::vec(prop::collection::btree_set(0u32..12, 0..6), 1..8),
        known in prop::collection::vec(0u32..12, 0..4),
        answers in prop::collection::vec((any::<usize>(), any::<bool>()), 0..40),
    ) {
        let wanted: Vec<Vec<u32>> = wanted.into_iter().map(|parts| parts.into_iter().collect()).collect();
        let mut assembler = Assembler::new(1 << 20);
        assembler.learn(known.into_iter().map(named).collect());
        let peer = PeerId::random();
        let (mut asked, mut filled): (Vec<(Root, Vec<u16>)>, Vec<Root>) = (vec![], vec![]);
        let mut requests = 0;
        let outline_of = |root: &Root| &wanted[usize::from(root.0[0])];
        let mut take = |turns: Vec<Turn>, asked: &mut Vec<(Root, Vec<u16>)>| -> Result<(), TestCaseError> {
            for (root, _, step) in turns {
                match step {
                    Step::Ask(indices) => {
                        requests += 1;
                        asked.push((root, indices.to_vec()));
                    }
                    Step::Fill(assembly) => {
                        let parts: Vec<Part> = outline_of(&root).iter().map(|n| id(*n).into()).collect();
                        prop_assert_eq!(assembly.parts, parts);
                        prop_assert!(!filled.contains(&root));
                        filled.push(root);
                    }
                    Step::Whole => prop_assert!(false),
                }
            }
            Ok(())
        };
        for (n, parts) in wanted.iter().enumerate() {
            take(assembler.begin(root(n as u8), peer, KIND, held(outline(parts)), no_wait()).unwrap().into_iter().collect(), &mut asked)?;
        }
        let mut ended = vec![];
        let mut answers = answers.into_iter();
        while !asked.is_empty() {
            let (which, good) = answers.next().unwrap_or((0, true));
            let (root, indices) = asked.remove(which % asked.len());
            if good {
                let items = indices.iter().map(|place| id(outline_of(&root)[usize::from(*place)])).collect();
                take(assembler.arrived(&root, &peer, held(items)).unwrap(), &mut asked)?;
            } else {
                ended.push(root);
                let turns = assembler.end(&root).1;
                take(turns, &mut asked)?;
            }
        }
        prop_assert!(requests <= 2 * wanted.len(), "each asks twice at most");
        for n in 0..wanted.len() {
            prop_assert!(filled.contains(&root(n as u8)) || ended.contains(&root(n as u8)), "{} waits", n);
        }
    }
}
