//! `easel admin`: people are shown and changed by whoever can run commands here.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

use crate::common::{Home, Ran, people::told_the_password};

fn admin(home: &Home, arguments: &[&str]) -> Ran {
    home.run([&["admin"][..], arguments, &["--json"]].concat())
}

#[test]
fn an_operator_looks_after_people() {
    let home = Home::new();
    for (email, name) in [("root@example.org", "root"), ("ada@example.org", "ada")] {
        let arguments = ["admin", "create-superuser", "--email", email, "--username", name];
        told_the_password(&mut home.command(arguments)).ok();
    }
    let names = |ran: Ran| -> Vec<String> {
        let people = ran.ok().json()["people"].clone();
        people.as_array().unwrap().iter().map(|person| person["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(admin(&home, &["people"])), ["root", "ada"]);
    assert_eq!(names(admin(&home, &["people", "AD"])), ["ada"]);

    let ada = admin(&home, &["set-role", "Ada@example.org", "user"]).ok().json();
    assert_eq!((&ada["role"], &ada["is_active"]), (&Value::from("user"), &Value::from(true)));
    assert_eq!(admin(&home, &["set-plan", "ada", "pro", "--days", "30"]).ok().json()["plan"], "pro");
    assert_eq!(admin(&home, &["suspend", "ada"]).ok().json()["is_active"], false);
    assert!(home.run(["admin", "people", "ada"]).ok().stdout.ends_with("suspended\n"));
    assert_eq!(admin(&home, &["reinstate", "ada"]).ok().json()["is_active"], true);
    told_the_password(&mut home.command(["admin", "set-password", "ada"])).ok();

    home.run(["admin", "set-role", "root", "user"]).fails(2, &["one superuser must be left"]);
    home.run(["admin", "set-role", "ada", "king"]).fails(2, &["`king`", "moderator"]);
    home.run(["admin", "set-plan", "ada", "gold"]).fails(2, &["no such plan"]);
    home.run(["admin", "suspend", "nobody"]).fails(2, &["`nobody`", "easel admin people"]);
    home.run(["admin", "set-password", "ada"]).fails(2, &["no password"]);
}
