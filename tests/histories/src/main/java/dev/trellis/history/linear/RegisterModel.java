package dev.trellis.history.linear;

import dev.trellis.history.Call;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A register, nil at first. A completed read of nil has seen nil.
final class RegisterModel implements Model<RegisterModel.Holding> {
  /// What the register holds.
  record Holding(@Nullable Object value) {}

  private record Read(Holding value) implements Step<Holding> {
    @Override
    public Optional<Holding> from(Holding state) {
      return state.equals(value) ? Optional.of(state) : Optional.empty();
    }

    @Override
    public Optional<Holding> required() {
      return Optional.of(value);
    }

    @Override
    public boolean isReadOnly() {
      return true;
    }
  }

  /// A read of which nobody heard.
  private record Unseen() implements Step<Holding> {
    @Override
    public Optional<Holding> from(Holding state) {
      return Optional.of(state);
    }

    @Override
    public boolean isReadOnly() {
      return true;
    }
  }

  private record Write(Holding value) implements Step<Holding> {
    @Override
    public Optional<Holding> from(Holding state) {
      return Optional.of(value);
    }

    @Override
    public Optional<Holding> produced() {
      return Optional.of(value);
    }

    @Override
    public boolean isReadOnly() {
      return false;
    }
  }

  private record CompareAndSet(Holding expected, Holding value) implements Step<Holding> {
    @Override
    public Optional<Holding> from(Holding state) {
      return state.equals(expected) ? Optional.of(value) : Optional.empty();
    }

    @Override
    public Optional<Holding> required() {
      return Optional.of(expected);
    }

    @Override
    public Optional<Holding> produced() {
      return Optional.of(value);
    }

    @Override
    public boolean isReadOnly() {
      return expected.equals(value);
    }
  }

  private final boolean comparing;

  /// @param comparing whether it has compare-and-set
  RegisterModel(boolean comparing) {
    this.comparing = comparing;
  }

  @Override
  public String name() {
    return comparing ? "cas-register" : "register";
  }

  @Override
  public Holding initial() {
    return new Holding(null);
  }

  @Override
  public Step<Holding> step(Call call) {
    String f = call.invoke().f().name();
    if (f.equals("read")) {
      return call.isOk() ? new Read(new Holding(call.result())) : new Unseen();
    }
    if (f.equals("write")) {
      return new Write(new Holding(call.argument()));
    }
    if (f.equals("cas") && comparing) {
      if (call.argument() instanceof List<?> pair && pair.size() == 2) {
        return new CompareAndSet(new Holding(pair.get(0)), new Holding(pair.get(1)));
      }
      throw Misfits.invocation(call, "the value of :cas should be a vector [old new]");
    }
    throw Misfits.unknownFunction(
        call, name(), comparing ? ":read, :write and :cas" : ":read and :write");
  }

  @Override
  public @Nullable Object toEdn(Holding state) {
    return state.value;
  }
}
