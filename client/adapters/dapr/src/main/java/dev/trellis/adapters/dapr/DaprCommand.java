package dev.trellis.adapters.dapr;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `dapr`: runs the component for Dapr.
@Command(
    name = "dapr",
    description = {
      "Serve as a state store of Dapr, so that functions in any language have the store.",
      "Dapr finds it by its socket; which cluster it connects to stands in the component's metadata."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  trellis dapr", "  trellis dapr --name trellis --socket-folder /run/dapr-sockets"})
final class DaprCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--name",
      paramLabel = "NAME",
      defaultValue = "trellis",
      description = "The component is state.NAME (default: trellis).")
  private String name = "trellis";

  @Option(
      names = "--socket-folder",
      paramLabel = "DIR",
      description =
          "Where Dapr looks for sockets. By default "
              + DaprComponent.FOLDER_VARIABLE
              + ", else /tmp/dapr-components-sockets.")
  private @Nullable Path folder;

  @Override
  public Integer call() throws InterruptedException {
    Console console = standard.console();
    Path chosen =
        folder != null
            ? folder
            : console
                .variable(DaprComponent.FOLDER_VARIABLE)
                .map(Path::of)
                .orElse(DaprComponent.FOLDER);
    try (DaprComponent component = DaprComponent.start(chosen, name)) {
      Thread closing = new Thread(component::close, "close");
      Runtime.getRuntime().addShutdownHook(closing);
      console.printLine(
          standard.json()
              ? Json.write(Map.of("socket", component.socket().toString()))
              : "state." + name + " listens on " + component.socket() + "; Ctrl-C ends it.");
      console.flush();
      component.awaitEnd();
      return ExitCode.OK;
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot listen: " + Failures.of(chosen, e), e);
    }
  }
}
