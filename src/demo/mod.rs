//! shim
use crate::config::MqttUrl;
use crate::store::Store;
use crate::tokens::TokenIssuer;
use std::io::Write;
/// shim
pub struct Demo;
/// shim
pub async fn seed(_: &Store, _: &TokenIssuer) -> anyhow::Result<Demo> {
    Ok(Demo)
}
impl Demo {
    /// shim
    pub fn document(&self) -> String {
        String::new()
    }
    /// shim
    pub fn print(&self, _: &mut impl Write) -> anyhow::Result<()> {
        Ok(())
    }
    /// shim
    pub fn feed(&self, _: &MqttUrl) -> Option<()> {
        None
    }
}
