package dev.trellis.history.linear;

import dev.trellis.history.Call;
import dev.trellis.history.edn.Keyword;
import java.util.Optional;

/// A lock, free at first. Who releases it need not be who has acquired it.
final class MutexModel implements Model<Boolean> {
  private record Become(boolean held) implements Step<Boolean> {
    @Override
    public Optional<Boolean> from(Boolean before) {
      return before == held ? Optional.empty() : Optional.of(held);
    }

    @Override
    public Optional<Boolean> required() {
      return Optional.of(!held);
    }

    @Override
    public Optional<Boolean> produced() {
      return Optional.of(held);
    }

    @Override
    public boolean isReadOnly() {
      return false;
    }
  }

  @Override
  public String name() {
    return "mutex";
  }

  @Override
  public Boolean initial() {
    return false;
  }

  @Override
  public Step<Boolean> step(Call call) {
    return switch (call.invoke().f().name()) {
      case "acquire" -> new Become(true);
      case "release" -> new Become(false);
      default -> throw Misfits.unknownFunction(call, name(), ":acquire and :release");
    };
  }

  @Override
  public Object toEdn(Boolean held) {
    return Keyword.of(held ? "held" : "free");
  }
}
