//! Each mistake an author can make is named when the AIR is built.

use quintet_air::{Air, Builder, Error, Expr, Message, Tag, build};

macro_rules! air {
    ($name:ident, |$builder:ident| $body:block) => {
        #[derive(Debug)]
        struct $name;

        impl Air for $name {
            const ID: u16 = 1;
            const NAME: &'static str = stringify!($name);

            fn build($builder: &mut Builder) -> Self {
                $body
                Self
            }
        }
    };
}

air!(TooSteep, |b| {
    let x = b.field("x");
    b.constrain("x^6", x * x * x * x * x * x);
});
air!(ConstantTerm, |b| {
    let x = b.field("x");
    b.constrain("x is 1", x.cur() - 1);
});
air!(AlwaysSent, |b| {
    let flag = b.boolean("flag");
    let never = b.prove_boolean("not", Expr::one() - flag);
    b.send("always", never, Message::new(Tag(1)).value(flag));
});
air!(Ungated, |b| {
    let x = b.field("x");
    b.constrain("x is constant", x.next() - x);
});
air!(OutOfTrace, |b| {
    let x = b.field("x");
    b.everywhere("x is constant", x.next() - x);
});
air!(GateTooLow, |b| {
    let x = b.field("x");
    let height = b.height();
    let gate = b.flag("gate", |row| row == height - 1);
    b.when(gate, "x is constant", x.next() - x);
});
air!(ManyRotations, |b| {
    let x = b.field("x");
    let gate = b.flag("gate", |row| row == 10);
    b.when(gate, "far", Expr::sum((0..6).map(|rotation| x.at(rotation))));
});
air!(Forgotten, |b| {
    b.field("x");
});
air!(TwiceTheSlot, |b| {
    let x = b.field("x");
    b.boundary(2, x);
    b.boundary(2, x);
});

#[test]
fn every_mistake_has_its_error() {
    assert!(matches!(build::<TooSteep>(9), Err(Error::Degree { degree: 6, .. })));
    assert!(matches!(build::<ConstantTerm>(9), Err(Error::NotZeroOnPadding { .. })));
    assert!(matches!(build::<AlwaysSent>(9), Err(Error::NotZeroOnPadding { .. })));
    assert!(matches!(build::<Ungated>(9), Err(Error::Rotation { .. })));
    assert!(matches!(build::<OutOfTrace>(9), Err(Error::Outside { row, .. }) if row == (1 << 9) - 10));
    assert!(matches!(build::<GateTooLow>(9), Err(Error::Outside { .. })));
    assert!(matches!(build::<ManyRotations>(9), Err(Error::Queries { queries: 6, .. })));
    assert!(matches!(build::<Forgotten>(9), Err(Error::Unused { .. })));
    assert!(matches!(build::<TwiceTheSlot>(9), Err(Error::Boundary { slot: 2, .. })));
}
