// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * The first bytes on a connection, from the node that opened it:
 *
 * <pre>  "TRIPLA-R" | protocol version u32 | length u16 | lines</pre>
 *
 * and the answer:
 *
 * <pre>  0 | length u16 | lines          welcome
 *  1 | length u8 | text             refused, and why
 *  2 | length u8 | text             refused: the directory of the node that asks is outdated</pre>
 *
 * A line is "KEY VALUE\n" in UTF-8; one with an unknown key is passed over, so that later versions can
 * say more. The keys are cluster, from, to, for, frame (the size of the largest one; versions from
 * before compare it), and of either side starts, log ("TERM LAST"), votes-from and levels ("REACHED
 * LOWEST HIGHEST"; without this line it is from before there were levels). Integers are big-endian. All
 * of this stays as it is in every version to come, also the version: what is new between servers comes
 * with a level.
 */
record Greeting(
    UUID cluster, String from, String to, Call.Purpose purpose, int frameBytesMax, NodeState state) {
  static final int VERSION = 3;

  private static final long MAGIC = 0x545249504c412d52L; // "TRIPLA-R"
  private static final int TEXT_BYTES_MAX = 255;
  private static final int WELCOME = 0;
  private static final int REFUSED = 1;
  private static final int OUTDATED = 2;

  /** One side refuses the connection, and why. */
  static final class Refused extends IOException {
    /** The directory of the node that is refused is outdated: waiting does not help. */
    final boolean outdated;

    Refused(String why, boolean outdated) {
      super(why);
      this.outdated = outdated;
    }

    Refused(String why) {
      this(why, false);
    }
  }

  /** Sends it and waits for the answer: what the other side says of itself. */
  NodeState send(Wire wire) throws IOException {
    DataOutputStream out = wire.out;
    out.writeLong(MAGIC);
    out.writeInt(VERSION);
    writeLines(
        out,
        "cluster " + cluster + "\nfrom " + from + "\nto " + to + "\nfor " + purpose + "\nframe "
            + frameBytesMax + "\n" + lines(state));
    out.flush();
    int answer = wire.in.readUnsignedByte();
    if (answer != WELCOME) {
      throw new Refused(readText(wire.in), answer == OUTDATED);
    }
    return readState(readLines(wire.in));
  }

  /** Reads the greeting of a node that speaks our version; another one is told so. */
  static Greeting receive(Wire wire) throws IOException {
    DataInputStream in = wire.in;
    if (in.readLong() != MAGIC) {
      throw new IOException("it is no tripla node");
    }
    int version = in.readInt();
    if (version != VERSION) {
      Refused why =
          new Refused(
              "it speaks version " + version + " of the protocol, this node " + VERSION);
      refuse(wire, why);
      throw why;
    }
    Map<String, String> lines = readLines(in);
    checkPurpose(lines, wire);
    try {
      return new Greeting(
          UUID.fromString(value(lines, "cluster")),
          value(lines, "from"),
          value(lines, "to"),
          Call.Purpose.of(value(lines, "for")),
          Integer.parseInt(value(lines, "frame")),
          readState(lines));
    } catch (IllegalArgumentException e) {
      throw new IOException("its greeting cannot be read: " + e.getMessage());
    }
  }

  /** A later version may have more of them; it is told, so that it does not wait. */
  private static void checkPurpose(Map<String, String> lines, Wire wire) throws IOException {
    String purpose = value(lines, "for");
    if (Call.Purpose.of(purpose) == null) {
      Refused why = new Refused("this node knows no connections for \"" + purpose + "\"");
      refuse(wire, why);
      throw why;
    }
  }

  static void welcome(Wire wire, NodeState self) throws IOException {
    wire.out.writeByte(WELCOME);
    writeLines(wire.out, lines(self));
    wire.out.flush();
  }

  static void refuse(Wire wire, Refused why) throws IOException {
    wire.out.writeByte(why.outdated ? OUTDATED : REFUSED);
    writeText(wire.out, why.getMessage());
    wire.out.flush();
  }

  private static String lines(NodeState state) {
    return "starts " + state.starts().toText() + "\nlog " + state.term() + " " + state.last()
        + "\nvotes-from " + state.votesFrom() + "\nlevels " + state.levels().toText() + "\n";
  }

  private static NodeState readState(Map<String, String> lines) throws IOException {
    try {
      String[] log = value(lines, "log").split(" ", 2);
      return new NodeState(
          Starts.parse(value(lines, "starts")),
          Long.parseLong(log[0]),
          Long.parseLong(log[log.length - 1]),
          Long.parseLong(value(lines, "votes-from")),
          lines.containsKey("levels") ? Levels.parse(lines.get("levels")) : Levels.FIRST);
    } catch (IllegalArgumentException e) {
      throw new IOException("what it says of itself cannot be read: " + e.getMessage());
    }
  }

  private static String value(Map<String, String> lines, String key) throws IOException {
    String value = lines.get(key);
    if (value == null) {
      throw new IOException("its greeting lacks \"" + key + "\"");
    }
    return value;
  }

  private static void writeLines(DataOutputStream out, String lines) throws IOException {
    byte[] bytes = lines.getBytes(StandardCharsets.UTF_8);
    out.writeShort(bytes.length);
    out.write(bytes);
  }

  private static Map<String, String> readLines(DataInputStream in) throws IOException {
    byte[] bytes = new byte[in.readUnsignedShort()];
    in.readFully(bytes);
    Map<String, String> lines = new HashMap<>();
    for (String line : new String(bytes, StandardCharsets.UTF_8).split("\n")) {
      int space = line.indexOf(' ');
      if (space > 0) {
        lines.put(line.substring(0, space), line.substring(space + 1));
      }
    }
    return lines;
  }

  private static void writeText(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, TEXT_BYTES_MAX);
    out.writeByte(length);
    out.write(bytes, 0, length);
  }

  private static String readText(DataInputStream in) throws IOException {
    byte[] bytes = new byte[in.readUnsignedByte()];
    in.readFully(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
