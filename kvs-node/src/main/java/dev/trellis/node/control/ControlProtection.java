package dev.trellis.node.control;

import dev.trellis.process.AuditLog;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Protection;

/// What a control plane is protected with where security is on.
record ControlProtection(CurveKeys keys, AuditLog audit) {
  static ControlProtection of(Protection protection) {
    return new ControlProtection(CurveKeys.ofServer(protection.secrets()), protection.audit());
  }
}
