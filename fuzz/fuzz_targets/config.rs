//! Configs, published ones and our own form. Sizes that pass are safe to multiply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::model::{Config, Hook, TopKSite};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let own = serde_json::from_str::<Config>(text).ok().filter(|config| config.check().is_ok());
    for config in Config::from_beeg_json(text).ok().into_iter().chain(own) {
        for hook in Hook::node_hooks(2) {
            let width = hook.width(&config);
            assert!(
                width > 0 && TopKSite::ALL.iter().all(|site| config.top_k(*site, width).is_none_or(|k| k <= width))
            );
        }
        let text = serde_json::to_string(&config).expect("a config is plain data");
        assert!(serde_json::from_str::<Config>(&text).expect("what was written can be read") == config);
    }
});
