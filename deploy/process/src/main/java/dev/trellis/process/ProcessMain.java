package dev.trellis.process;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The life of a process: arguments, configuration, start, SIGTERM, exit code.
///
/// | exit code | meaning |
/// |---|---|
/// | 0 | stopped in order, by SIGTERM, SIGINT or an order |
/// | 1 | a defect of ours: it is in the log |
/// | 2 | it could not start, or must not go on: arguments, configuration, a port in use, a cluster that does not take it; one line says what |
public final class ProcessMain {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessMain.class);
  private static final int DEFECT = 1;
  private static final int NOT_STARTED = 2;

  private ProcessMain() {}

  /// How a process starts, once its configuration was read.
  public interface Program {
    /// Starts it.
    ///
    /// @throws ConfigurationException if a setting is out of its range
    /// @throws StartupException if it cannot start for reasons outside
    RunningProcess start(StrictConfig config);
  }

  /// Runs a process until it is told to stop; does not return.
  ///
  /// @param name for messages, such as `node`
  /// @param reference every key of the configuration, documented, with its default
  /// @param arguments `--config FILE`, or `--reference` to print the reference
  public static void run(String name, String reference, String[] arguments, Program program) {
    try {
      Thread.currentThread().setName("main");
      List<String> given = Arrays.asList(arguments);
      if (given.equals(List.of("--reference"))) {
        System.out.print(reference);
        System.out.flush();
        halt(0);
      }
      if (given.size() != 2 || !given.get(0).equals("--config")) {
        throw new StartupException(
            "usage: " + name + " --config FILE, or --reference to print every setting there is");
      }
      StrictConfig config = StrictConfig.read(reference, path(given.get(1)), System.getenv());
      LOG.info("{} starts with {}", name, config);
      serve(name, program.start(config));
    } catch (ConfigurationException | StartupException e) {
      System.err.println("error: " + e.getMessage());
      System.err.flush();
      halt(NOT_STARTED);
    } catch (UnsatisfiedLinkError e) {
      System.err.println(
          "error: a native library cannot be loaded from "
              + System.getProperty("java.io.tmpdir")
              + ", where it is unpacked: "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse("")
              + "; if that is mounted noexec, name another folder with -Djava.io.tmpdir=…");
      System.err.flush();
      halt(NOT_STARTED);
    } catch (RuntimeException | Error e) {
      LOG.error("{} failed to start", name, e);
      halt(DEFECT);
    }
  }

  private static void serve(String name, RunningProcess running) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  LOG.info("{} stops", name);
                  running.close();
                  LOG.info("{} stopped", name);
                  halt(0); // else the JVM would exit with 128 + the signal's number
                },
                "stop"));
    CompletableFuture.anyOf(running.failure(), running.finished()).join();
    if (!running.failure().isDone()) {
      running.close();
      LOG.info("{} stopped", name);
      halt(0);
    }
    Throwable failure = running.failure().join();
    if (failure instanceof StartupException problem) {
      throw problem;
    }
    LOG.error("{} must not go on", name, failure);
    halt(DEFECT);
  }

  private static Path path(String file) {
    try {
      return Path.of(file);
    } catch (InvalidPathException e) {
      throw new StartupException("--config " + file + " is no path: " + e.getMessage(), e);
    }
  }

  /// Leaves without running hooks: by now there is nothing left that they could put in order.
  private static void halt(int code) {
    Runtime.getRuntime().halt(code);
  }
}
