fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    env_logger::init();
    let layer = switchboard::config::Layer::default();
    let config = switchboard::config::Config::load(&layer, std::env::vars_os(), None)?;
    actix_rt::System::new().block_on(switchboard::application::run(
        config,
        switchboard::application::RunOptions {
            migrate: true,
            demo: false,
        },
    ))
}
