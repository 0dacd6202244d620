//! Where generators come from: a cache on disk that all processes of a user share.

use std::path::PathBuf;

use anyhow::Context as _;
use quintet_plonk::{ParamsCache, ParamsProgress};
use quintet_proving::{Circuits, Guest};

/// Circuits of the payload guest, with parameters out of the cache in `dir` or the user's own.
///
/// # Errors
/// If there is no folder for the cache.
pub fn circuits(dir: Option<PathBuf>, quiet: bool) -> anyhow::Result<Circuits> {
    let folder = dir.or_else(ParamsCache::default_folder);
    let cache = ParamsCache::new(folder.context("neither HOME nor XDG_CACHE_HOME is set: name a folder with --params-dir")?);
    let params = move |k| {
        let bar = crate::progress::bar("generators", 1, quiet);
        let params = cache.load(k, &|progress: ParamsProgress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        });
        bar.finish_and_clear();
        params
    };
    Ok(Circuits::new(Guest::payload()?, Box::new(params)))
}
