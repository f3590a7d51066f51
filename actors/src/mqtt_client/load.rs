//! How much is on its way from the MQTT links to the rooms: looked up when somebody asks, and never counted along the way.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::Arrived;
use crate::limits::PUBLICATION_KIB_IN_FLIGHT;
use crate::metrics::Metrics;

/// The queues behind the links. Keeps none of them open.
#[derive(Clone, Debug)]
pub struct Load {
    arrivals: mpsc::WeakSender<Arrived>,
    /// Each credit of a link, or of several.
    credits: Vec<Arc<Semaphore>>,
}

impl Load {
    pub(super) fn new(arrivals: mpsc::WeakSender<Arrived>) -> Self {
        Self {
            arrivals,
            credits: Vec::new(),
        }
    }

    pub(super) fn watch(&mut self, credit: &Arc<Semaphore>) {
        self.credits.push(Arc::clone(credit));
    }

    /// Sets the gauges of these queues to what is in them now.
    pub fn sample(&self, metrics: &Metrics) {
        let waiting = self.arrivals.upgrade();
        let waiting = waiting.map_or(0, |arrivals| arrivals.max_capacity() - arrivals.capacity());
        metrics.batches_waiting.set(waiting as i64);
        let out = |credit: &Arc<Semaphore>| PUBLICATION_KIB_IN_FLIGHT - credit.available_permits();
        let kib: usize = self.credits.iter().map(out).sum();
        metrics.publication_bytes_in_flight.set(kib as i64 * 1024);
    }
}
