//! Switchboard's actors in an actix-web application of one's own, by actix-web-actors: `GET /captions/{session}/{channel}`
//! is a WebSocket that carries the captions of one room, for clients that speak no Socket.IO. Access is the application's.
//!
//! Run it beside a broker: `cargo run --example mount_in_actix_web -- 127.0.0.1 1883`

use std::sync::Arc;

use actix::prelude::*;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, web};
use actix_web_actors::ws;
use futures_util::stream;
use switchboard_actors::broker::{BrokerActor, Router};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::mqtt_client::{Links, MqttSettings};
use switchboard_actors::outbox::Outbox;
use switchboard_actors::registry::{Join, RoomRegistry, SocketClosed, SocketConnected};
use switchboard_actors::{SocketId, SocketIds};
use switchboard_protocol::{Frame, RoomId};

/// One viewer: the bridge between a WebSocket and a room.
struct Viewer {
    id: SocketId,
    room: RoomId,
    registry: Addr<RoomRegistry>,
    outbox: Arc<Outbox>,
}

impl Actor for Viewer {
    type Context = ws::WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (socket, outbox) = (self.id, Arc::clone(&self.outbox));
        self.registry.do_send(SocketConnected {
            socket,
            outbox: Arc::clone(&outbox).into(),
        });
        self.registry.do_send(Join {
            socket,
            room: self.room.clone(),
            history: None,
        });
        // Without a wire the outbox waits to be asked, as it does for a polling client.
        ctx.add_stream(stream::unfold(outbox, async |outbox| {
            let frames = std::future::poll_fn(|cx| outbox.poll_take(cx)).await?;
            Some((frames, outbox))
        }));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.outbox.close();
        self.registry.do_send(SocketClosed(self.id));
    }
}

impl StreamHandler<Vec<Frame>> for Viewer {
    fn handle(&mut self, frames: Vec<Frame>, ctx: &mut Self::Context) {
        // `42["final",{…}]`: the application's clients may want it without the two digits.
        for frame in frames {
            ctx.text(String::from_utf8_lossy(&frame.payload()[2..]).into_owned());
        }
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Viewer {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Ping(data)) => ctx.pong(&data),
            Ok(ws::Message::Close(_)) | Err(_) => ctx.stop(),
            Ok(_) => {}
        }
    }
}

async fn captions(
    request: HttpRequest,
    body: web::Payload,
    path: web::Path<(String, String)>,
    registry: web::Data<Addr<RoomRegistry>>,
    ids: web::Data<SocketIds>,
) -> Result<HttpResponse, Error> {
    let room = format!("{}/{}", path.0, path.1)
        .parse()
        .map_err(actix_web::error::ErrorBadRequest)?;
    let outbox = Outbox::new(Default::default(), Metrics::default());
    let viewer = Viewer {
        id: ids.next(),
        room,
        registry: registry.as_ref().clone(),
        outbox,
    };
    ws::start(viewer, &request, body)
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let settings = MqttSettings {
        host: args.next().unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: args
            .next()
            .and_then(|port| port.parse().ok())
            .unwrap_or(1883),
        credentials: None,
        tls: None,
        node: "example".to_owned(),
        delivery_links: 1,
        online: Some(r#"{"online":true}"#.to_owned()),
    };
    let metrics = Metrics::default();
    // Nobody here follows organizations or projects.
    let (router, _) = Router::new(metrics.clone());
    let (links, _) = Links::start(&settings, &[], router, &metrics);
    let (broker, status) = BrokerActor::new(links, metrics.clone());
    let registry = RoomRegistry::new(broker.start(), status, Vec::new(), metrics);
    let (registry, ids) = (
        web::Data::new(registry.start()),
        web::Data::new(SocketIds::default()),
    );
    let app = move || {
        let app = App::new().app_data(registry.clone()).app_data(ids.clone());
        app.route("/captions/{session}/{channel}", web::get().to(captions))
    };
    HttpServer::new(app).bind(("127.0.0.1", 8090))?.run().await
}
