// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/**
 * Gives what is said in Java to the server's messages. Ratis says in many lines what matters to its
 * authors, so only its errors are for everybody.
 */
final class Messages extends Handler {
  private static final Formatter FORMATTER = new SimpleFormatter();

  private static volatile boolean ending;

  /** @param debug whether anybody wants to hear what Ratis says besides errors */
  static void install(boolean debug) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    root.setLevel(debug ? Level.INFO : Level.SEVERE);
    Logger.getLogger("io.tripla").setLevel(Level.INFO);
    root.addHandler(new Messages());
  }

  /** From now on what Ratis complains of is the end that was asked for. */
  static void expectEnd() {
    ending = true;
  }

  @Override
  public void publish(LogRecord record) {
    Native.say(severity(record), text(record));
  }

  private static int severity(LogRecord record) {
    int level = record.getLevel().intValue();
    boolean ours = record.getLoggerName() != null && record.getLoggerName().startsWith("io.tripla.");
    if (level >= Level.SEVERE.intValue() && (ours || !ending)) {
      return 3;
    }
    if (!ours || level < Level.INFO.intValue()) {
      return 0;
    }
    return level >= Level.WARNING.intValue() ? 2 : 1;
  }

  private static String text(LogRecord record) {
    String message = FORMATTER.formatMessage(record);
    Throwable thrown = record.getThrown();
    return thrown == null ? message : message + ": " + thrown;
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
