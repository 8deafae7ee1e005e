//! The jobs as wasm exports, for `../../peers/engine.mjs`. One job per module. Texts and files are passed through
//! memory.

use crate::{Job, job};
use std::cell::RefCell;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Milliseconds of processor time.
    safe fn now() -> f64;
    /// Sends a text to the host.
    fn say(text: *const u8, length: usize);
}

thread_local! {
    static JOB: RefCell<Option<Box<dyn Job>>> = const { RefCell::new(None) };
}

fn report(text: &str) {
    // SAFETY: the host reads these bytes before it returns.
    unsafe { say(text.as_ptr(), text.len()) }
}

fn with<T>(use_job: impl FnOnce(&mut dyn Job) -> T) -> T {
    JOB.with_borrow_mut(|job| use_job(job.as_mut().expect("prepare comes first").as_mut()))
}

/// Allocates memory for a text or a file; `prepare` frees it.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(length: usize) -> *mut u8 {
    Box::leak(vec![0u8; length].into_boxed_slice()).as_mut_ptr()
}

/// Makes the job of these words (UTF-8, between spaces) and this file; returns the work of a run.
///
/// # Safety
/// Both pointers are from [`allocate`], with their lengths, and are used once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prepare(words: *mut u8, words_length: usize, file: *mut u8, file_length: usize) -> f64 {
    std::panic::set_hook(Box::new(|panic| report(&panic.to_string())));
    // SAFETY: by the contract above these are the boxes that `allocate` has leaked.
    let [words, file] = [(words, words_length), (file, file_length)]
        .map(|(start, length)| unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, length)) });
    let words = String::from_utf8_lossy(&words);
    let job = job(&words.split(' ').collect::<Vec<_>>(), &file, || now()).unwrap_or_else(|error| panic!("{error}"));
    let work = job.work();
    JOB.set(Some(job));
    work
}

#[unsafe(no_mangle)]
pub extern "C" fn run() {
    with(|job| job.run());
}

/// Sends `NAME=MILLISECONDS` for each op since the last call.
#[unsafe(no_mangle)]
pub extern "C" fn parts() {
    with(|job| job.parts()).iter().for_each(|(name, ms)| report(&format!("{name}={ms}")));
}

/// Sends the last run's output as f32.
#[unsafe(no_mangle)]
pub extern "C" fn output() {
    let output = with(|job| job.output());
    // SAFETY: as in `report`; the length is in bytes.
    unsafe { say(output.as_ptr().cast(), 4 * output.len()) }
}
