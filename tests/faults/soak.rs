//! Every fault in turn, to the same viewers, for as long as `SWITCHBOARD_SOAK` says in minutes; without it, once each.
//! Impossible is what did not cross the link to switchboard, as with each of the faults alone.

use std::time::{Duration, Instant};

use crate::fault_proxy::Way;
use crate::scene::{Scene, Setting};
use crate::soak_minutes;

/// How long the link to the broker flaps.
const FLAPPING: Duration = Duration::from_secs(2);
/// Half a period of it.
const FLAP: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
enum Fault {
    BrokerLinkEnds,
    BrokerLinkFlaps,
    BrokerDies,
    ViewersLinksEnd,
    ViewersLinksAreReset,
    ProgramIsKilled,
}

const FAULTS: [Fault; 6] = [
    Fault::BrokerLinkEnds,
    Fault::BrokerLinkFlaps,
    Fault::BrokerDies,
    Fault::ViewersLinksEnd,
    Fault::ViewersLinksAreReset,
    Fault::ProgramIsKilled,
];

async fn happens(fault: Fault, scene: &mut Scene) {
    let before = scene.connects();
    match fault {
        Fault::BrokerLinkEnds => scene.link.cut(Way::Ended),
        Fault::BrokerLinkFlaps => {
            let _ = tokio::time::timeout(FLAPPING, scene.link.flap(FLAP)).await;
            scene.link.all(Way::Open);
        }
        Fault::BrokerDies => {
            scene.broker.kill();
            scene.broker.start_again().await;
        }
        Fault::ViewersLinksEnd | Fault::ViewersLinksAreReset => {
            scene.front.cut(match fault {
                Fault::ViewersLinksEnd => Way::Ended,
                _ => Way::Reset,
            });
            scene.all_came_back(&before).await;
        }
        Fault::ProgramIsKilled => {
            // While nobody speaks: what is not stored yet would be impossible.
            scene.settles().await;
            scene.all_is_stored().await;
            scene.kill_server();
            scene.server.start_again().await;
            scene.all_came_back(&before).await;
        }
    }
}

#[tokio::test]
async fn soak_under_every_fault_in_turn_all_that_crosses_arrives_once_and_in_order() {
    let mut scene = Scene::set(Setting::default()).await;
    let begin = Instant::now();
    let soak = Duration::from_secs(60 * soak_minutes().unwrap_or(0));
    for round in 1.. {
        for fault in FAULTS {
            scene.flows().await;
            happens(fault, &mut scene).await;
        }
        scene.flows().await;
        scene
            .holds(&format!("every fault in turn, round {round}"))
            .await;
        if begin.elapsed() >= soak {
            return;
        }
    }
}
