//! What upstream opens, and in which order: queries as `configure` makes them, and the sets of points they fall into.

use std::collections::BTreeSet;

use quintet_air::{AirSpec, Cell};

/// A polynomial that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The instance column.
    Instance,
    /// An advice column.
    Advice(usize),
    /// A fixed column.
    Fixed(usize),
    /// The quotient, its pieces put together at x.
    Quotient,
    /// The vanishing argument's random polynomial, which is 0.
    Random,
}

/// All openings of the proofs of one AIR.
#[derive(Clone, Debug)]
pub struct Queries {
    /// Rotations of the instance column, in order of first use.
    pub instance: Vec<i32>,
    /// Advice columns and rotations, in order of first use.
    pub advice: Vec<(usize, i32)>,
    /// Fixed columns, in order of first use; always at rotation 0.
    pub fixed: Vec<usize>,
    /// Opened polynomials in upstream's order, each with the number of its point set.
    pub opened: Vec<(Source, usize)>,
    /// Rotations of each point set.
    pub sets: Vec<Vec<i32>>,
}

impl Queries {
    /// Those of an AIR.
    pub fn new(spec: &AirSpec) -> Self {
        let (mut instance, mut advice, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for constraint in &spec.constraints {
            constraint.expr.for_each_cell(&mut |cell| {
                if seen.insert(cell) {
                    match cell {
                        Cell::Advice(column, rotation) => advice.push((column, rotation)),
                        Cell::Fixed(column, _) => fixed.push(column),
                        Cell::Public(place) => instance.push(place as i32),
                    }
                }
            });
        }
        let (opened, sets) = point_sets(&instance, &advice, &fixed);
        Self { instance, advice, fixed, opened, sets }
    }

    /// Every rotation that occurs, each once.
    pub fn rotations(&self) -> Vec<i32> {
        let all: BTreeSet<i32> = self.sets.iter().flatten().copied().collect();
        all.into_iter().collect()
    }
}

/// Upstream's `construct_intermediate_sets`: points are numbered by first appearance, and so are their sets.
fn point_sets(instance: &[i32], advice: &[(usize, i32)], fixed: &[usize]) -> (Vec<(Source, usize)>, Vec<Vec<i32>>) {
    let queries = instance.iter().map(|&rotation| (Source::Instance, rotation));
    let queries = queries.chain(advice.iter().map(|&(column, rotation)| (Source::Advice(column), rotation)));
    let queries = queries.chain(fixed.iter().map(|&column| (Source::Fixed(column), 0)));
    let queries = queries.chain([(Source::Quotient, 0), (Source::Random, 0)]);

    let mut points: Vec<i32> = Vec::new();
    let mut polynomials: Vec<(Source, BTreeSet<usize>)> = Vec::new();
    for (source, rotation) in queries {
        let point = points.iter().position(|point| *point == rotation).unwrap_or_else(|| {
            points.push(rotation);
            points.len() - 1
        });
        match polynomials.iter_mut().find(|(known, _)| *known == source) {
            Some((_, set)) => {
                set.insert(point);
            }
            None => polynomials.push((source, BTreeSet::from([point]))),
        }
    }
    let mut sets: Vec<BTreeSet<usize>> = Vec::new();
    let opened = polynomials
        .into_iter()
        .map(|(source, set)| {
            let number = sets.iter().position(|known| *known == set).unwrap_or_else(|| {
                sets.push(set);
                sets.len() - 1
            });
            (source, number)
        })
        .collect();
    (opened, sets.into_iter().map(|set| set.into_iter().map(|point| points[point]).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_numbered_by_first_appearance() {
        let (opened, sets) = point_sets(&[0, 3], &[(1, 0), (0, 1), (1, 1), (0, 0)], &[2]);
        assert_eq!(sets, [vec![0, 3], vec![0, 1], vec![0]]);
        let expected = [
            (Source::Instance, 0),
            (Source::Advice(1), 1),
            (Source::Advice(0), 1),
            (Source::Fixed(2), 2),
            (Source::Quotient, 2),
            (Source::Random, 2),
        ];
        assert_eq!(opened, expected);
    }
}
