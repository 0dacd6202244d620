//! A thousand sidecars, simulated: who announces to whom, who pulls from whom, over links with delays and uplinks of a given speed. The rules are those of
//! `docs/p2p.md`; libp2p is not part of it. What it shows is what six sidecars on loopback cannot: hops, duplicates, and who has to serve how much.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Bytes of an announcement on the wire, with its envelope.
const ANNOUNCEMENT: u64 = 360;
/// Bytes of a request by root, with what yamux and noise add.
const REQUEST: u64 = 160;
/// Peers that one keeps in its mesh, and of all.
const MESH: usize = 8;
const PEERS: usize = 50;
/// Requests that one has on their way, and to one peer.
const REQUESTS: usize = 16;
const TO_ONE: usize = 4;

#[derive(Debug, Clone, Copy)]
struct Setting {
    sidecars: usize,
    provers: usize,
    /// Bytes of a submission.
    body: u64,
    /// Bytes a millisecond of each uplink.
    uplink: u64,
    /// Submissions are posted within so long, ms.
    spread: u64,
}

/// Times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Somebody posts.
    Post {
        submission: usize,
        at: usize,
    },
    Announced {
        submission: usize,
        from: usize,
        to: usize,
    },
    Asked {
        submission: usize,
        from: usize,
        to: usize,
    },
    Came {
        submission: usize,
        from: usize,
        to: usize,
    },
}

#[derive(Debug, Default, Clone)]
struct Node {
    mesh: Vec<usize>,
    peers: Vec<usize>,
    held: Vec<bool>,
    /// Asked for, or waiting to be.
    wanted: Vec<bool>,
    waiting: Vec<(usize, usize)>,
    asked: Vec<usize>,
    /// When the uplink is free.
    free: u64,
    bytes_in: u64,
    bytes_out: u64,
    announcements: u64,
    served: u64,
}

#[derive(Debug)]
struct Outcome {
    /// From the post until held, µs, everywhere and for everything, sorted.
    delays: Vec<u64>,
    nodes: Vec<Node>,
}

struct Random(u64);

impl Random {
    /// splitmix64.
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// Between two nodes, one way: 10 to 150 ms, always the same.
fn delay(from: usize, to: usize) -> u64 {
    let (low, high) = (from.min(to) as u64, from.max(to) as u64);
    10_000 + Random(low << 32 | high).below(140_000)
}

/// Links: each node picks half of its peers, and the mesh is among them.
fn network(count: usize, random: &mut Random) -> Vec<Node> {
    let mut links: Vec<(BTreeSet<usize>, BTreeSet<usize>)> = vec![Default::default(); count];
    for node in 0..count {
        for number in 0..(PEERS / 2).min(count - 1) {
            let other = random.below(count as u64) as usize;
            if other == node {
                continue;
            }
            for (one, two) in [(node, other), (other, node)] {
                links[one].1.insert(two);
                if number < MESH / 2 {
                    links[one].0.insert(two);
                }
            }
        }
    }
    let list = |set: BTreeSet<usize>| set.into_iter().collect();
    links.into_iter().map(|(mesh, peers)| Node { mesh: list(mesh), peers: list(peers), ..Node::default() }).collect()
}

struct Sim {
    nodes: Vec<Node>,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    setting: Setting,
    posted: Vec<u64>,
    delays: Vec<u64>,
}

impl Sim {
    fn run(setting: Setting) -> Outcome {
        let mut random = Random(7);
        let mut nodes = network(setting.sidecars, &mut random);
        for node in &mut nodes {
            (node.held, node.wanted) = (vec![false; setting.provers], vec![false; setting.provers]);
        }
        let mut sim = Self { nodes, events: BinaryHeap::new(), setting, posted: vec![0; setting.provers], delays: Vec::new() };
        for submission in 0..setting.provers {
            let (at, time) = (random.below(setting.sidecars as u64) as usize, random.below(setting.spread * 1000));
            sim.posted[submission] = time;
            sim.events.push(Reverse((time, Event::Post { submission, at })));
        }
        while let Some(Reverse((now, event))) = sim.events.pop() {
            sim.happens(now, event);
        }
        sim.delays.sort_unstable();
        Outcome { delays: sim.delays, nodes: sim.nodes }
    }

    /// Sends so many bytes; they are there when all of them have left and the link's delay is over.
    fn send(&mut self, now: u64, (from, to): (usize, usize), bytes: u64, event: Event) {
        let node = &mut self.nodes[from];
        node.free = node.free.max(now) + bytes * 1000 / self.setting.uplink;
        node.bytes_out += bytes;
        self.nodes[to].bytes_in += bytes;
        self.events.push(Reverse((self.nodes[from].free + delay(from, to), event)));
    }

    fn happens(&mut self, now: u64, event: Event) {
        match event {
            // Its own messages a node sends to all peers.
            Event::Post { submission, at } => self.holds(now, submission, at, None),
            Event::Announced { submission, from, to } => {
                let node = &mut self.nodes[to];
                node.announcements += 1;
                if !node.held[submission] && !node.wanted[submission] {
                    node.wanted[submission] = true;
                    node.waiting.push((submission, from));
                    self.ask(now, to);
                }
            }
            Event::Asked { submission, from, to } => {
                self.nodes[to].served += 1;
                self.send(now, (to, from), self.setting.body, Event::Came { submission, from: to, to: from });
            }
            Event::Came { submission, from, to } => {
                let node = &mut self.nodes[to];
                let place = node.asked.iter().position(|peer| *peer == from).expect("it was asked for");
                node.asked.swap_remove(place);
                self.holds(now, submission, to, Some(from));
                self.ask(now, to);
            }
        }
    }

    fn ask(&mut self, now: u64, at: usize) {
        let mut place = 0;
        while place < self.nodes[at].waiting.len() && self.nodes[at].asked.len() < REQUESTS {
            let (submission, to) = self.nodes[at].waiting[place];
            if self.nodes[at].asked.iter().filter(|peer| **peer == to).count() >= TO_ONE {
                place += 1;
                continue;
            }
            self.nodes[at].waiting.remove(place);
            self.nodes[at].asked.push(to);
            self.send(now, (at, to), REQUEST, Event::Asked { submission, from: at, to });
        }
    }

    fn holds(&mut self, now: u64, submission: usize, at: usize, from: Option<usize>) {
        self.nodes[at].held[submission] = true;
        self.delays.push(now - self.posted[submission]);
        let node = &self.nodes[at];
        let to = if from.is_none() { node.peers.clone() } else { node.mesh.clone() };
        for to in to.into_iter().filter(|to| Some(*to) != from) {
            self.send(now, (at, to), ANNOUNCEMENT, Event::Announced { submission, from: at, to });
        }
    }
}

impl Outcome {
    fn delay_ms(&self, percent: usize) -> u64 {
        self.delays[(self.delays.len() - 1) * percent / 100] / 1000
    }

    fn print(&self, setting: Setting) {
        let count = self.nodes.len() as u64;
        let mean = |of: fn(&Node) -> u64| self.nodes.iter().map(of).sum::<u64>() / count;
        let most = |of: fn(&Node) -> u64| self.nodes.iter().map(of).max().unwrap_or(0);
        println!(
            "{setting:?}: held after {} ms by half, {} by 99 of 100, {} by all;",
            self.delay_ms(50),
            self.delay_ms(99),
            self.delay_ms(100)
        );
        println!(
            "  kB in {} ({} at most), out {} ({}); announcements heard of each submission {:.1}; served {} times ({})",
            mean(|node| node.bytes_in) / 1000,
            most(|node| node.bytes_in) / 1000,
            mean(|node| node.bytes_out) / 1000,
            most(|node| node.bytes_out) / 1000,
            mean(|node| node.announcements) as f64 / setting.provers as f64,
            mean(|node| node.served),
            most(|node| node.served),
        );
    }
}

/// 200 provers with six partials of the mean size, uplinks of 50 Mbit/s.
const SLOT: Setting = Setting { sidecars: 1_000, provers: 200, body: 35_600, uplink: 6_250, spread: 6_000 };

#[test]
fn everybody_gets_everything_once_in_a_network_of_a_hundred() {
    let setting = Setting { sidecars: 100, provers: 50, ..SLOT };
    let outcome = Sim::run(setting);
    outcome.print(setting);
    assert!(outcome.nodes.iter().all(|node| node.held.iter().all(|held| *held)), "the network is connected");
    assert!(outcome.nodes.iter().all(|node| node.bytes_in < 50 * (35_600 + 16 * 360 + 1_000) + 50 * 12 * 160));
}

#[test]
#[ignore = "long: a thousand sidecars, simulated"]
fn a_thousand_sidecars_hold_a_slot_of_200_provers_within_the_grace() {
    for setting in [SLOT, Setting { body: 192_400, ..SLOT }, Setting { body: 192_400, uplink: 12_500, ..SLOT }] {
        let outcome = Sim::run(setting);
        outcome.print(setting);
        if setting.body == SLOT.body {
            assert!(outcome.delay_ms(99) < 2_000, "the grace before a deadline is 2 s");
        }
    }
}
