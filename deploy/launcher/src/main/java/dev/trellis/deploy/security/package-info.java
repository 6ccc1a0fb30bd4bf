/// The folder with the secrets of a cluster: its authority, and what each process and its users
/// have of it. Makes it, adds to it, exchanges what is in it, and tells how it is. Reads no clock:
/// the time comes in as an argument.
package dev.trellis.deploy.security;
