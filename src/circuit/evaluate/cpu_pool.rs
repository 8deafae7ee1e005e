//! An evaluator on each of a few CPU threads.

use super::evaluators::{Evaluator, EvaluatorPool, TaskModel};
use super::prompts::Chunk;
use crate::Result;
use crate::backend::cpu::Cpu;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Runs a future whose every wait is on the CPU backend, which never waits.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}

/// A few CPU backends, a thread each.
pub struct CpuPool {
    evaluators: Vec<Evaluator<Cpu>>,
}

impl CpuPool {
    /// `threads` backends (at least one).
    pub fn new(task: TaskModel, threads: usize) -> CpuPool {
        let task = Arc::new(task);
        CpuPool { evaluators: (0..threads.max(1)).map(|_| Evaluator::new(Cpu::new(), task.clone())).collect() }
    }
}

impl EvaluatorPool for CpuPool {
    type Backend = Cpu;

    fn task(&self) -> &Arc<TaskModel> {
        self.evaluators[0].task()
    }

    async fn map<T: Send>(
        &mut self,
        chunks: &[&Chunk],
        job: impl AsyncFn(&mut Evaluator<Cpu>, &Chunk) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Result<T>>>> = Mutex::new(chunks.iter().map(|_| None).collect());
        std::thread::scope(|scope| {
            for evaluator in &mut self.evaluators {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(chunk) = chunks.get(at) else { break };
                        let result = block_on(job(evaluator, chunk));
                        results.lock().expect("no job panics while it holds the lock")[at] = Some(result);
                    }
                });
            }
        });
        let results = results.into_inner().expect("no job panics while it holds the lock");
        results.into_iter().map(|result| result.expect("every chunk was taken")).collect()
    }
}
