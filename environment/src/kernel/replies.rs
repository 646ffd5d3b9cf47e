//! Answers that need no engine.

use jupyter_protocol::messaging::{HelpLink, KernelInfoReply, LanguageInfo, ReplyStatus};

/// The version of the messages, as <https://jupyter-client.readthedocs.io/en/latest/messaging.html>
/// counts them.
const PROTOCOL: &str = "5.3";

/// Who this is.
pub fn kernel_info() -> KernelInfoReply {
    let version = env!("CARGO_PKG_VERSION");
    KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: PROTOCOL.to_owned(),
        implementation: "cuaderno".to_owned(),
        implementation_version: version.to_owned(),
        language_info: LanguageInfo {
            name: "rust".to_owned(),
            version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            mimetype: Some("text/rust".to_owned()),
            file_extension: Some(".rs".to_owned()),
            pygments_lexer: Some("rust".to_owned()),
            codemirror_mode: None,
            nbconvert_exporter: None,
        },
        banner: format!(
            "Cuaderno {version}: deep learning in Rust. Begin with `use cuaderno::prelude::*;`."
        ),
        help_links: vec![HelpLink {
            text: "candle".to_owned(),
            url: "https://docs.rs/candle-core".to_owned(),
        }],
        debugger: false,
        error: None,
    }
}
