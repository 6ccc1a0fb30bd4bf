/// Who may do what: principals, their keys and certificates, their rights by key prefix, and the
/// list of all of these that a cluster keeps as a value of its own.
package dev.trellis.access;
