//! The writer's answers from async tasks, without any particular runtime.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::Thread,
};

use quintet_store::{Batch, Table};

use crate::open;

const NUMBERS: Table<u32, u64> = Table::new("numbers");

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn awaited_batch_is_there_when_the_task_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    block_on(async {
        for i in 0..50 {
            let mut batch = Batch::new();
            batch.put(&NUMBERS, &i, &u64::from(i));
            store.try_submit(batch).unwrap().await.unwrap();
            assert_eq!(store.get(&NUMBERS, &i).unwrap(), Some(u64::from(i)));
        }
    });
    let stats = store.stats();
    // The schema record is the first batch.
    assert_eq!((stats.batches, stats.refused, stats.waiting), (51, 0, 0));
}
