//! Rebuilds the program when a migration is added: they are embedded by a macro, which cargo cannot see.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
