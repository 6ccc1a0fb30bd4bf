package dev.trellis.node.net;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.util.concurrent.ThreadAwareExecutor;

/// How long an event loop has something to do: all the time but that in which it waits for its
/// sockets. The loop goes round once for all that came meanwhile, so the clock is read a few times
/// for each batch of requests, however many they are. To look at the sockets again and again, see
/// [Polling], is to wait. Confined to the loop's thread.
final class LoopTime {
  private long sinceNanos = System.nanoTime();
  private long waitedNanos; // since then

  /// A factory for the same handlers, whose waits are measured.
  IoHandlerFactory measured(IoHandlerFactory factory) {
    return new IoHandlerFactory() {
      @Override
      public IoHandler newHandler(ThreadAwareExecutor executor) {
        return new Measured(factory.newHandler(executor));
      }

      @Override
      public boolean isChangingThreadSupported() {
        return factory.isChangingThreadSupported();
      }
    };
  }

  /// How long the loop had something to do since the last call.
  long takeBusyNanos() {
    long now = System.nanoTime();
    long busy = Math.max(0, now - sinceNanos - waitedNanos);
    sinceNanos = now;
    waitedNanos = 0;
    return busy;
  }

  /// Stands between the loop and what it waits with, which tells how long it was at work after it
  /// had waited.
  private final class Measured implements IoHandler, IoHandlerContext {
    private final IoHandler handler;
    private IoHandlerContext context = this; // of the round that the loop is in
    private long enteredNanos;
    private boolean isIdle; // when the last round was over

    Measured(IoHandler handler) {
      this.handler = handler;
    }

    @Override
    public int run(IoHandlerContext round) {
      context = round;
      long leftNanos = enteredNanos;
      enteredNanos = System.nanoTime();
      if (isIdle) {
        waitedNanos += enteredNanos - leftNanos;
      }
      int handled = handler.run(this);
      isIdle = handled == 0 && context.canBlock();
      return handled;
    }

    @Override
    public boolean shouldReportActiveIoTime() {
      return true;
    }

    @Override
    public void reportActiveIoTime(long activeNanos) {
      long now = System.nanoTime();
      waitedNanos += now - enteredNanos - activeNanos;
      enteredNanos = now;
      if (context.shouldReportActiveIoTime()) {
        context.reportActiveIoTime(activeNanos);
      }
    }

    @Override
    public boolean canBlock() {
      return context.canBlock();
    }

    @Override
    public long delayNanos(long currentTimeNanos) {
      return context.delayNanos(currentTimeNanos);
    }

    @Override
    public long deadlineNanos() {
      return context.deadlineNanos();
    }

    @Override
    public void initialize() {
      handler.initialize();
    }

    @Override
    public void prepareToDestroy() {
      handler.prepareToDestroy();
    }

    @Override
    public void destroy() {
      handler.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
      return handler.register(handle);
    }

    @Override
    public void wakeup() {
      handler.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
      return handler.isCompatible(handleType);
    }
  }
}
