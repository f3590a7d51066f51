//! How much is on its way from the MQTT links to the rooms: looked up when somebody asks, and never counted along the way.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::limits::PUBLICATION_KIB_IN_FLIGHT;
use crate::metrics::Metrics;

/// Each credit of a link, or of several.
#[derive(Clone, Debug, Default)]
pub struct Load(Vec<Arc<Semaphore>>);

impl Load {
    pub(super) fn watch(&mut self, credit: &Arc<Semaphore>) {
        self.0.push(Arc::clone(credit));
    }

    /// Sets the gauge to what is under way now.
    pub fn sample(&self, metrics: &Metrics) {
        let out = |credit: &Arc<Semaphore>| PUBLICATION_KIB_IN_FLIGHT - credit.available_permits();
        let kib: usize = self.0.iter().map(out).sum();
        metrics.publication_bytes_in_flight.set(kib as i64 * 1024);
    }
}
