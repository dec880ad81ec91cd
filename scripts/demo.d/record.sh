# SPDX-License-Identifier: Apache-2.0
# scripts/demo --record: the play in a terminal on a screen that nobody sees, filmed. Makes, in
# docs/presentation/, tripla.mp4 with a chapter for each act, picture.png, a picture of it, and
# tripla.cast for asciinema; and writes into the documents when each requirement is shown.
# scripts/demo sources this.

frames_a_second=10
columns_and_rows=158x44

record() { # record LANGUAGE ACTS
  local program missing=()
  for program in Xvfb xterm ffmpeg asciinema; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [[ ${#missing[@]} == 0 ]] ||
    fail "scripts/setup record installs what --record needs and is not here: ${missing[*]}"
  # A function's variables are gone when the trap is run.
  recording=$(mktemp -d "${TMPDIR:-/tmp}/tripla-record.XXXXXX")
  screen= camera= terminal=
  trap 'kill $terminal $camera $screen 2>/dev/null || true; wait; rm -rf "$recording"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  Xvfb -displayfd 3 -screen 0 1920x1080x24 -nolisten tcp 3>"$recording/display" 2>/dev/null &
  screen=$!
  await_file "$screen" "Xvfb ended: it cannot make a screen here" display
  export DISPLAY
  DISPLAY=:$(<"$recording/display")

  film "$1" "$2"
  cut_film
  write_times
  echo "demo: docs/presentation/tripla.mp4: $(duration) minutes, $(stat -c %s docs/presentation/tripla.mp4) bytes"
}

film() { # film LANGUAGE ACTS: the play, in film.mkv and tripla.cast
  DEMO_MARKS=$recording/marks LC_ALL=C.UTF-8 xterm -u8 -geometry "$columns_and_rows" -b 8 \
    -fa 'DejaVu Sans Mono' -fs 14 -bg '#10151c' -fg '#e6e6e6' -bw 0 +sb \
    -e asciinema rec --quiet --overwrite --cols "${columns_and_rows%x*}" --rows "${columns_and_rows#*x}" \
    --command "scripts/demo --lang $1 --acts $2" "$recording/tripla.cast" &
  terminal=$!
  await_file "$terminal" "the play did not begin" marks
  begun=$EPOCHREALTIME
  # Slides, mostly: few bits. A whole picture each half minute, for who jumps to a chapter.
  ffmpeg -loglevel error -f x11grab -framerate "$frames_a_second" -video_size 1920x1080 -draw_mouse 0 -i "$DISPLAY" \
    -c:v libx264 -preset veryfast -crf 29 -g $((30 * frames_a_second)) -pix_fmt yuv420p "$recording/film.mkv" </dev/null &
  camera=$!
  wait "$terminal"
  grep -q '^[0-9]* end$' "$recording/marks" ||
    fail "the play did not come to its end; it stopped with: $(grep -ao 'demo: .*' "$recording/tripla.cast" | tail -n 1)"
  sleep 1
  kill -INT "$camera"
  wait "$camera" || true
}

await_file() { # await_file PROCESS WHAT FILE: until the process has written to it; else fails with WHAT
  while [[ ! -s $recording/$3 ]]; do
    kill -0 "$1" 2>/dev/null || fail "$2"
    sleep 0.1
  done
}

cut_film() { # its chapters; times are counted from the first picture
  awk -v begun="$begun" '
    $2 == "begun" {early = (begun - $3) * 1000; next}
    {$1 = $1 > early ? int($1 - early) : 0; print}' "$recording/marks" >"$recording/times"
  {
    echo ';FFMETADATA1'
    echo 'title=tripla'
    awk '$2 ~ /^act-/ || $2 == "end" {
           if (title) printf "[CHAPTER]\nTIMEBASE=1/1000\nSTART=%d\nEND=%d\ntitle=%s\n", start, $1, title
           start = $1
           title = substr($0, index($0, $3))
         }' "$recording/times"
  } >"$recording/chapters"
  mkdir -p docs/presentation
  ffmpeg -loglevel error -y -i "$recording/film.mkv" -i "$recording/chapters" -map 0:v -map_metadata 1 -codec copy \
    -movflags +faststart docs/presentation/tripla.mp4
  ffmpeg -loglevel error -y -ss "$(picture_at)" -i docs/presentation/tripla.mp4 -frames:v 1 -vf scale=960:-1 \
    docs/presentation/picture.png
  mv "$recording/tripla.cast" docs/presentation/tripla.cast
}

picture_at() { # seconds: the end of the second act that was filmed
  awk '$2 ~ /^act-/ || $2 == "end" {if (++acts == 4 || $2 == "end") {print int($1 / 1000) - 2; exit}}' \
    "$recording/times"
}

duration() {
  ffprobe -v error -show_entries format=duration -of csv=p=0 docs/presentation/tripla.mp4 |
    awk '{printf "%d:%02d", $1 / 60, $1 % 60}'
}

write_times() { # into the tables of requirements
  local document
  for document in docs/apresentacao.md docs/presentation.md; do
    awk -F ' [|] ' -v OFS=' | ' '
      FNR == NR {
        split($0, mark, " ")
        seconds = int(mark[1] / 1000)
        if (!(mark[2] in at)) at[mark[2]] = sprintf("%d:%02d", seconds / 60, seconds % 60)
        next
      }
      /^\| R[0-9]+ / {split($1, word, " "); if (word[2] in at) $3 = at[word[2]]}
      {print}' "$recording/times" "$document" >"$recording/document"
    cat "$recording/document" >"$document"
  done
}
