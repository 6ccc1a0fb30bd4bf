package dev.trellis.faults;

import java.io.IOException;
import java.util.List;

/// Where the processes of a cluster run, each on a host of its own, and how the way from one to
/// another is cut. Closing it removes all that it made.
interface Lab extends AutoCloseable {
  /// A place for one process.
  ///
  /// @param address at which the others and the clients reach it
  /// @param portBase the first of [#PORTS] ports that nobody else uses
  /// @param prefix what a command must begin with to run there
  record Host(String name, String address, int portBase, List<String> prefix) {
    static final int PORTS = 20;

    public Host {
      prefix = List.copyOf(prefix);
    }
  }

  /// Makes a host.
  Host newHost(String name) throws IOException;

  /// Whether ways can be cut here.
  boolean canCut();

  /// Lets nothing from one host arrive at another any more, silently, until [#heal].
  void cut(Host from, Host to) throws IOException;

  /// Lets nothing from the clients arrive at a host any more, silently, until [#heal].
  void cutClients(Host to) throws IOException;

  /// Opens every way again.
  ///
  /// @return how many packets were dropped
  long heal() throws IOException;

  /// What it is, for people.
  String describe();

  @Override
  void close() throws IOException;
}
