//! Every command line of the contract, and what is refused.

use super::*;

fn read(line: &str) -> Result<Invocation, clap::Error> {
    parse(line.split(' ').map(OsString::from))
}

fn fault(line: &str) -> String {
    let text = one_line(&read(line).unwrap_err());
    assert!(!text.contains('\n') && !text.is_empty(), "{text:?}");
    text
}

#[test]
fn every_command_of_the_contract_is_understood() {
    let command = |line: &str| read(line).unwrap().command;
    assert!(matches!(command("switchboard demo"), Command::Demo));
    assert!(matches!(
        command("switchboard serve"),
        Command::Serve { no_migrate: false }
    ));
    let serve = command("switchboard serve --no-migrate");
    assert!(matches!(serve, Command::Serve { no_migrate: true }));
    assert!(matches!(command("switchboard migrate"), Command::Migrate));
    assert!(matches!(
        command("switchboard check-config"),
        Command::CheckConfig
    ));
    let drill = |line: &str| match command(line) {
        Command::Doctor(doctor) => (doctor.drill.map(|time| time.as_secs()), doctor.json),
        other => panic!("a doctor, not {other:?}"),
    };
    assert_eq!(drill("switchboard doctor"), (None, false));
    assert_eq!(drill("switchboard doctor --drill --json"), (Some(60), true));
    assert_eq!(drill("switchboard doctor --drill 5s"), (Some(5), false));
    let Command::Token(TokenFor::User { id, life }) =
        command("switchboard token user ann --ttl 90m")
    else {
        panic!("a user's token");
    };
    assert_eq!((id.as_str(), life.ttl.as_secs()), ("ann", 5400));
    let guest = command("switchboard token guest --session s");
    assert!(matches!(guest, Command::Token(TokenFor::Guest { .. })));
    let admin = command("switchboard token admin");
    assert!(matches!(admin, Command::Token(TokenFor::Admin { .. })));
    let Command::Replay(replay) =
        command("switchboard replay a.srt --session s --channel 1 --speed 2.5 --loop")
    else {
        panic!("a replay");
    };
    assert_eq!(
        (replay.speed, replay.repeat, replay.channel.as_str()),
        (2.5, true, "1")
    );
    let Command::Watch(watch) = command("switchboard watch s/1") else {
        panic!("a watch");
    };
    assert_eq!(watch.url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(watch.room.as_str(), "s/1");
}

#[test]
fn every_key_has_a_flag_before_and_behind_the_command() {
    for key in KEYS {
        let flag = key.flag();
        for line in [
            format!("switchboard --{flag} x check-config"),
            format!("switchboard check-config --{flag}=x"),
            format!("switchboard token admin --{flag} x"),
        ] {
            let flags = read(&line).unwrap().flags;
            assert_eq!(flags, Layer::from([(key.name, "x".to_owned())]), "{line}");
        }
    }
    assert!(read("switchboard demo").unwrap().flags.is_empty());
}

#[test]
fn the_configuration_file_is_named_before_or_behind_the_command() {
    for line in [
        "switchboard --config a.toml serve",
        "switchboard serve --config a.toml",
    ] {
        assert_eq!(
            read(line).unwrap().file,
            Some(PathBuf::from("a.toml")),
            "{line}"
        );
    }
}

#[test]
fn a_fault_of_the_command_line_is_one_line_that_names_it() {
    for (line, part) in [
        ("switchboard", "say what to do"),
        ("switchboard sevre", "sevre"),
        ("switchboard serve --lisen x", "'--listen'"),
        ("switchboard serve extra", "extra"),
        ("switchboard token", "say what to do"),
        ("switchboard token guest", "--session"),
        ("switchboard token user ann --ttl soon", "--ttl"),
        ("switchboard token admin --ttl 0s", "at least 1s"),
        ("switchboard replay a.srt", "--channel"),
        (
            "switchboard replay a.srt --session a/b --channel 1",
            "session id",
        ),
        (
            "switchboard replay a.srt --session s --channel 1 --speed 0",
            "0.01",
        ),
        (
            "switchboard replay a.srt --session s --channel 1 --speed NaN",
            "0.01",
        ),
        ("switchboard doctor --drill 0s", "between 1s and 12h"),
        ("switchboard watch s", "session/channel"),
        ("switchboard watch s/+", "room"),
        ("switchboard watch s/1 --url nonsense", "--url"),
    ] {
        assert!(fault(line).contains(part), "{line}: {}", fault(line));
    }
}

#[test]
fn every_command_has_help_with_an_example_and_the_configuration() {
    let commands = [
        "demo",
        "serve",
        "token user",
        "token guest",
        "token admin",
        "migrate",
        "check-config",
        "doctor",
        "replay",
        "watch",
    ];
    for command in commands {
        let help = read(&format!("switchboard {command} --help")).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        let text = help.to_string();
        assert!(text.contains(&format!("switchboard {}", command)), "{text}");
        assert!(
            text.contains("Example") && text.contains("--mqtt-url <URL>"),
            "{text}"
        );
    }
}
