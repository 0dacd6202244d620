//! The builder with which an AIR declares its columns, states its constraints and lists its interactions.

use ff::Field;

use crate::{
    AirSpec, Bool, Column, ColumnClass, ColumnInfo, Error, Expr, F, Fixed, FixedInfo, Free, Interaction, InteractionKind,
    LocalTable, Message, Proven, Range, Tag,
    bus::Count,
    expr::{Cell, Node},
    height,
    spec::{Constraint, Helper, public},
};

/// An AIR: a struct of column handles that knows how to declare itself.
pub trait Air: Sized {
    /// Number in the machine.
    const ID: u16;
    /// Short name.
    const NAME: &'static str;

    /// Declares columns, constraints and interactions, and keeps the handles that trace generation needs.
    fn build(builder: &mut Builder) -> Self;
}

/// Builds an AIR at size `2^k`.
///
/// # Errors
/// A mistake in the AIR, see [`Error`].
pub fn build<A: Air>(k: u32) -> Result<(A, AirSpec), Error> {
    let mut builder = Builder::new(A::ID, A::NAME, k);
    let air = A::build(&mut builder);
    Ok((air, builder.finish()?))
}

/// Collects the description of one AIR. Mistakes are kept and reported by [`build`].
#[derive(Debug)]
pub struct Builder {
    id: u16,
    air: &'static str,
    k: u32,
    columns: Vec<ColumnInfo>,
    fixed: Vec<FixedInfo>,
    constraints: Vec<Constraint>,
    interactions: Vec<Interaction>,
    tables: Vec<LocalTable>,
    boundaries: [bool; public::BOUNDARIES],
    error: Option<Error>,
    active: Fixed,
    first: Fixed,
    last: Fixed,
    end: Fixed,
}

impl Builder {
    fn new(id: u16, air: &'static str, k: u32) -> Self {
        let [active, first, last, end] = [0, 1, 2, 3].map(|index| Fixed { index });
        let mut builder = Self {
            id,
            air,
            k,
            columns: Vec::new(),
            fixed: Vec::new(),
            constraints: Vec::new(),
            interactions: Vec::new(),
            tables: Vec::new(),
            boundaries: [false; public::BOUNDARIES],
            error: None,
            active,
            first,
            last,
            end,
        };
        builder.fixed("active", |_| F::ONE);
        builder.flag("first", |row| row == 0);
        builder.flag("last", |row| row == height(k) - 1);
        builder.flag("end", |_| false);
        builder.fixed[end.index].values[height(k)] = F::ONE;
        builder
    }

    /// Log₂ of the number of rows.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Number of trace rows.
    pub fn height(&self) -> usize {
        height(self.k)
    }

    /// Bits of a value in the limb table: `k − 1`.
    pub fn limb_bits(&self) -> u32 {
        self.k - 1
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    fn advice(&mut self, name: impl Into<String>, class: ColumnClass) -> usize {
        self.columns.push(ColumnInfo { name: name.into(), class, pinned: false });
        self.columns.len() - 1
    }

    /// A column of arbitrary field elements.
    pub fn field(&mut self, name: impl Into<String>) -> Column<Free> {
        Column::new(self.advice(name, ColumnClass::Field), 0)
    }

    /// A column whose honest values are integers below `2^bits`, `bits ≤ 64`; nothing is enforced.
    pub fn uint(&mut self, name: impl Into<String>, bits: u32) -> Column<Free> {
        Column::new(self.advice(name, ColumnClass::Uint(bits)), 0)
    }

    /// Marks a column's commitment as pinned in `program_id`.
    pub fn pin(&mut self, column: Column<Free>) -> Column<Free> {
        self.columns[column.index()].pinned = true;
        column
    }

    /// A column of 0 and 1, enforced.
    pub fn boolean(&mut self, name: impl Into<String>) -> Column<Proven> {
        let name = name.into();
        let column = Column::<Proven>::new(self.advice(name.clone(), ColumnClass::Uint(1)), 1);
        self.constrain(format!("{name} is boolean"), column * (column.cur() - 1));
        column
    }

    /// A column of integers below `2^bits`, `bits < k`, enforced on every trace row by one or two lookups in the instance's limb table.
    ///
    /// With `s = k − 1 − bits > 0`, both `x` and `2^s·x` are looked up: both are integers below `2^(k−1)`, so `2^s·x` does
    /// not wrap around the field and `x < 2^bits`.
    ///
    /// # Panics
    /// If `bits ≥ k` or `bits = 0`: a mistake of the AIR's author.
    pub fn limb(&mut self, name: impl Into<String>, bits: u32) -> Column<Proven> {
        assert!(0 < bits && bits <= self.limb_bits(), "a limb of {bits} bits does not fit k = {}", self.k);
        let name = name.into();
        let column = Column::new(self.advice(name.clone(), ColumnClass::Uint(bits)), bits);
        self.look_up_range(format!("{name} in range"), Tag::LIMB, column.cur());
        if bits < self.limb_bits() {
            let shift = self.limb_bits() - bits;
            self.look_up_range(format!("{name} in range, shifted"), Tag::LIMB, column.cur() * Expr::pow2(shift));
        }
        column
    }

    /// A column of integers below 256, enforced on every trace row.
    pub fn byte(&mut self, name: impl Into<String>) -> Column<Proven> {
        let name = name.into();
        let column = Column::new(self.advice(name.clone(), ColumnClass::Uint(8)), 8);
        self.look_up_range(format!("{name} is a byte"), Tag::BYTE, column.cur());
        column
    }

    /// An integer below `2^bits` in limbs of its own, enforced on every trace row.
    pub fn range(&mut self, name: &str, bits: u32) -> Range {
        let limb_bits = self.limb_bits();
        let mut limbs = Vec::new();
        let mut left = bits;
        while left > 0 {
            let width = left.min(limb_bits);
            limbs.push(self.limb(format!("{name}_{}", limbs.len()), width));
            left -= width;
        }
        Range::new(limbs)
    }

    /// A table of this instance's own: each row is a tuple of integers that [`Self::look_up`] under `tag` may name. Declare it
    /// before it is looked up; the trace counts its lookups in [`crate::Trace::count_tables`].
    ///
    /// # Panics
    /// If there is no row, or rows differ in width or have more than eight parts: a mistake of the AIR's author.
    pub fn table(&mut self, tag: Tag, name: &str, rows: &[Vec<u64>]) {
        let width = rows.first().map_or(0, Vec::len);
        assert!((1..=8).contains(&width) && rows.iter().all(|row| row.len() == width), "table {name} has no shape");
        if rows.len() > self.height() {
            self.fail(Error::Table { air: self.air, name: name.into(), rows: rows.len(), height: self.height() });
        }
        let mut message = Message::new(tag);
        for part in 0..width {
            // Trace rows past the table provide its row 0 once more.
            let value = |row: usize| F::from(rows.get(row).unwrap_or(&rows[0])[part]);
            message = message.value(self.fixed(format!("{name}_table_{part}"), value));
        }
        let count = self.uint(format!("{name}_count"), 32);
        self.provide(format!("{name} table"), count, message);
        self.tables.push(LocalTable::tuples(tag, count.index(), rows));
    }

    fn look_up_range(&mut self, name: String, tag: Tag, value: Expr) {
        if !self.tables.iter().any(|table| table.tag == tag) {
            let (label, size) = match tag {
                Tag::BYTE => ("byte", 256),
                _ => ("limb", 1 << self.limb_bits()),
            };
            // Rows past the table provide 0 once more, which is in it.
            let values = self.fixed(format!("{label}_table"), |row| if row < size { F::from(row as u64) } else { F::ZERO });
            let count = self.uint(format!("{label}_count"), 32);
            self.provide(format!("{label} table"), count, Message::new(tag).value(values));
            self.tables.push(LocalTable::counting(tag, count.index(), size));
        }
        self.look_up(name, self.active, Message::new(tag).value(value));
    }

    /// A fixed column with the given value on each trace row and 0 on the rows after.
    pub fn fixed(&mut self, name: impl Into<String>, value: impl Fn(usize) -> F) -> Fixed {
        let mut values: Vec<F> = (0..self.height()).map(value).collect();
        values.resize(1 << self.k, F::ZERO);
        self.fixed.push(FixedInfo { name: name.into(), values });
        Fixed { index: self.fixed.len() - 1 }
    }

    /// A fixed column of 0 and 1.
    pub fn flag(&mut self, name: impl Into<String>, set: impl Fn(usize) -> bool) -> Fixed {
        self.fixed(name, |row| F::from(u64::from(set(row))))
    }

    /// The fixed column that is 1 on every trace row.
    pub fn active(&self) -> Fixed {
        self.active
    }

    /// The fixed column that is 1 on row 0 only.
    pub fn first_row(&self) -> Fixed {
        self.first
    }

    /// States `expr = 0` for every row without a gate: it looks at one row only and vanishes where all cells are 0.
    pub fn constrain(&mut self, name: impl Into<String>, expr: impl Into<Expr>) {
        let (name, expr) = (name.into(), expr.into());
        if looks_away(&expr) {
            self.fail(Error::Rotation { air: self.air, name: name.clone() });
        }
        if at_zero(&expr) != F::ZERO {
            self.fail(Error::NotZeroOnPadding { air: self.air, name: name.clone() });
        }
        self.constraints.push(Constraint { name, expr });
    }

    /// States `expr = 0` for every trace row.
    pub fn everywhere(&mut self, name: impl Into<String>, expr: impl Into<Expr>) {
        self.gated(name.into(), self.active.cur(), expr.into(), 0..self.height());
    }

    /// States `expr = 0` for every pair of neighbouring trace rows.
    pub fn transition(&mut self, name: impl Into<String>, expr: impl Into<Expr>) {
        let gate = self.active.cur() - self.last;
        self.gated(name.into(), gate, expr.into(), 0..self.height() - 1);
    }

    /// States `expr = 0` for row 0.
    pub fn first(&mut self, name: impl Into<String>, expr: impl Into<Expr>) {
        self.gated(name.into(), self.first.cur(), expr.into(), 0..1);
    }

    /// States `expr = 0` for the last trace row.
    pub fn last(&mut self, name: impl Into<String>, expr: impl Into<Expr>) {
        let row = self.height() - 1;
        self.gated(name.into(), self.last.cur(), expr.into(), row..row + 1);
    }

    /// 1 on the last trace row, 0 on all others: of degree 1.
    pub fn is_last(&self) -> Expr {
        self.last.cur()
    }

    /// States `gate · expr = 0`; the gate must not be set where `expr` would look outside the trace.
    pub fn when(&mut self, gate: Fixed, name: impl Into<String>, expr: impl Into<Expr>) {
        let (name, expr) = (name.into(), expr.into());
        for row in 0..1 << self.k {
            if self.fixed[gate.index].values[row] != F::ZERO && outside(&expr, row, self.height()) {
                self.fail(Error::Outside { air: self.air, name: name.clone(), row });
            }
        }
        self.constraints.push(Constraint { name, expr: gate.cur() * expr });
    }

    fn gated(&mut self, name: String, gate: Expr, expr: Expr, rows: std::ops::Range<usize>) {
        let height = self.height();
        for row in [rows.start, rows.end - 1] {
            if outside(&expr, row, height) {
                self.fail(Error::Outside { air: self.air, name: name.clone(), row });
            }
        }
        self.constraints.push(Constraint { name, expr: gate * expr });
    }

    /// Proves that an expression is 0 or 1 on every row, so that it can be a multiplicity.
    pub fn prove_boolean(&mut self, name: impl Into<String>, expr: impl Into<Expr>) -> Bool {
        let expr = expr.into();
        self.constrain(name, &expr * (&expr - 1));
        Bool(expr)
    }

    /// The public index of the instance, for use in [`Self::first`].
    pub fn index(&self) -> Expr {
        Expr::new(Node::Cell(Cell::Public(public::INDEX)))
    }

    /// Makes the value that `expr` has at row 0 public as boundary value `slot`.
    pub fn boundary(&mut self, slot: usize, expr: impl Into<Expr>) {
        if slot >= public::BOUNDARIES || std::mem::replace(&mut self.boundaries[slot], true) {
            self.fail(Error::Boundary { air: self.air, slot });
            return;
        }
        let public = Expr::new(Node::Cell(Cell::Public(public::BOUNDARY + slot)));
        self.first(format!("boundary value {slot}"), expr.into() - public);
    }

    /// Sends a message that another row or instance receives.
    pub fn send(&mut self, name: impl Into<String>, times: impl Into<Bool>, message: Message) {
        self.interact(name.into(), InteractionKind::Permute, times.into().0, message);
    }

    /// Receives a message.
    pub fn receive(&mut self, name: impl Into<String>, times: impl Into<Bool>, message: Message) {
        self.interact(name.into(), InteractionKind::Permute, -times.into().0, message);
    }

    /// Looks a message up in a table.
    pub fn look_up(&mut self, name: impl Into<String>, times: impl Into<Bool>, message: Message) {
        let place = self.interactions.len();
        if let Some(table) = self.tables.iter_mut().find(|table| table.tag == message.tag) {
            table.lookups.push(place);
        }
        self.interact(name.into(), InteractionKind::Lookup, -times.into().0, message);
    }

    /// Provides a table row as often as `count` says.
    pub fn provide(&mut self, name: impl Into<String>, count: Column<Free>, message: Message) {
        self.interact(name.into(), InteractionKind::Lookup, Count(count).0.cur(), message);
    }

    fn interact(&mut self, name: String, kind: InteractionKind, multiplicity: Expr, message: Message) {
        if at_zero(&multiplicity) != F::ZERO {
            self.fail(Error::NotZeroOnPadding { air: self.air, name: name.clone() });
        }
        if looks_away(&multiplicity) || message.parts.iter().any(looks_away) {
            self.fail(Error::Rotation { air: self.air, name: name.clone() });
        }
        self.interactions.push(Interaction { name, kind, multiplicity, message });
    }

    /// Adds what every AIR has: pinned public values, challenge powers, helpers and the running sum.
    fn finish(mut self) -> Result<AirSpec, Error> {
        for slot in 0..public::BOUNDARIES {
            if !self.boundaries[slot] {
                self.boundary(slot, Expr::zero());
            }
        }
        let id = u64::from(self.id);
        self.first("AIR id", Expr::constant(id) - Expr::new(Node::Cell(Cell::Public(public::AIR))));

        let phase_one = self.columns.len();
        let powers = self.interactions.iter().map(|i| i.message.parts.len()).max().unwrap_or(0).max(1);
        let alpha = self.field("alpha");
        self.challenge(alpha, "alpha", public::ALPHA);
        let mut betas = vec![self.field("beta")];
        self.challenge(betas[0], "beta", public::BETA);
        for power in 2..=powers {
            let column = self.field(format!("beta^{power}"));
            self.constrain(format!("beta^{power}"), betas[power - 2] * betas[0] - column);
            betas.push(column);
        }

        let batches = batch(&self.interactions);
        let mut total = Expr::zero();
        for (number, batch) in batches.iter().enumerate() {
            let helper = self.field(format!("helper_{number}"));
            let fingerprints: Vec<Expr> =
                batch.iter().map(|&place| fingerprint_expr(alpha, &betas, &self.interactions[place].message)).collect();
            let multiplicity = |place: usize| self.interactions[batch[place]].multiplicity.clone();
            let expr = match fingerprints.as_slice() {
                [f] => helper * f - multiplicity(0),
                [f, g] => helper * f * g - multiplicity(0) * g - multiplicity(1) * f,
                _ => unreachable!("batches hold one or two interactions"),
            };
            let names: Vec<&str> = batch.iter().map(|&place| self.interactions[place].name.as_str()).collect();
            self.constrain(format!("helper_{number} ({})", names.join(", ")), expr);
            total = total + helper;
        }
        let sum = self.field("sum");
        self.first("sum at the first row", sum.cur() - Expr::new(Node::Cell(Cell::Public(public::SUM))));
        let step = self.active.cur() * (sum.next() + total - sum);
        self.constraints.push(Constraint { name: "sum steps".into(), expr: step });
        self.constraints.push(Constraint { name: "sum ends at 0".into(), expr: self.end.cur() * sum });

        if let Some(error) = self.error {
            return Err(error);
        }
        let spec = AirSpec {
            id: self.id,
            name: self.air,
            k: self.k,
            columns: self.columns,
            phase_one,
            fixed: self.fixed,
            constraints: self.constraints,
            interactions: self.interactions,
            helpers: batches.into_iter().map(|interactions| Helper { interactions }).collect(),
            powers,
            tables: self.tables,
        };
        spec.validate()?;
        Ok(spec)
    }

    /// A challenge column: pinned at row 0, constant down to the end row.
    fn challenge(&mut self, column: Column<Free>, name: &str, place: usize) {
        self.first(format!("{name} is the challenge"), column.cur() - Expr::new(Node::Cell(Cell::Public(place))));
        let expr = self.active.cur() * (column.next() - column);
        self.constraints.push(Constraint { name: format!("{name} is constant"), expr });
    }
}

/// `α + tag + Σ β^i·vᵢ` over columns.
fn fingerprint_expr(alpha: Column<Free>, betas: &[Column<Free>], message: &Message) -> Expr {
    let parts = message.parts.iter().zip(betas).map(|(part, &beta)| beta * part);
    parts.fold(alpha.cur() + message.tag.0, |sum, part| sum + part)
}

/// Two interactions share a helper where the degree of its constraint allows.
fn batch(interactions: &[Interaction]) -> Vec<Vec<usize>> {
    let fits = |a: &Interaction, b: &Interaction| {
        let (f, g) = (a.message.degree(), b.message.degree());
        let limit = AirSpec::MAX_DEGREE;
        1 + f + g <= limit && a.multiplicity.degree() + g <= limit && b.multiplicity.degree() + f <= limit
    };
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (place, interaction) in interactions.iter().enumerate() {
        let partner = batches.iter_mut().find(|batch| batch.len() == 1 && fits(&interactions[batch[0]], interaction));
        match partner {
            Some(batch) => batch.push(place),
            None => batches.push(vec![place]),
        }
    }
    batches
}

fn looks_away(expr: &Expr) -> bool {
    let mut away = false;
    expr.for_each_cell(&mut |cell| match cell {
        Cell::Advice(_, rotation) => away |= rotation != 0,
        Cell::Fixed(..) => {}
        Cell::Public(_) => away = true,
    });
    away
}

fn at_zero(expr: &Expr) -> F {
    expr.eval(&|_| F::ZERO)
}

/// Whether `expr` at `row` reads an advice cell outside `0 .. height`.
fn outside(expr: &Expr, row: usize, height: usize) -> bool {
    let mut away = false;
    expr.for_each_cell(&mut |cell| {
        if let Cell::Advice(_, rotation) = cell {
            away |= !usize::try_from(row as i64 + i64::from(rotation)).is_ok_and(|row| row < height);
        }
    });
    away
}
