//! The `poolscope` program: arguments, wiring, file access, printing, exit status. It may not compute: no statistics,
//! no layouts, no opinions.
fn main() {}
