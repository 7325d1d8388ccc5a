# shellcheck shell=bash
# Thunar in a real window: what somebody does with it is typed. It must come to the same in the file system.
# Pictures of each step are left in $LIBRISFS_PICTURES, if that is set.

# a_display: a screen, a window manager, and settings of nobody's.
a_display() {
  Xvfb -displayfd 3 -screen 0 800x500x24 -nolisten tcp 3>display 2>/dev/null &
  eventually [ -s display ]
  DISPLAY=:$(cat display)
  export DISPLAY NO_AT_BRIDGE=1 LC_ALL=C.UTF-8
  export XDG_CONFIG_HOME=$D/config XDG_CACHE_HOME=$D/cache XDG_DATA_HOME=$D/data
  mkdir -p config/gtk-3.0
  printf '[Settings]\ngtk-icon-theme-name=elementary-xfce\n' >config/gtk-3.0/settings.ini
  openbox 2>/dev/null &
}

# picture NAME: what the screen shows when it has stopped changing.
picture() {
  settle
  pictures=$((${pictures:-0} + 1))
  [ -z "${LIBRISFS_PICTURES:-}" ] || import -window root \
    "$LIBRISFS_PICTURES/$(basename "$S")-by-$(id -un)-$(printf %02d $pictures)-$1.png"
}

# is_active TITLE: whether the window that hears the keyboard is called so.
is_active() { xdotool getactivewindow getwindowname 2>/dev/null | grep -q "^$1"; }

# press KEY...: in the window that is active.
press() { xdotool key --delay 40 "$@"; }

# enter TEXT: and a return.
enter() {
  xdotool type --delay 10 -- "$1"
  press Return
}

# go PLACE TITLE: shows a folder.
go() {
  press ctrl+l
  enter "$1"
  eventually is_active "$2 - Thunar"
  settle
}

# choose NAME: selects one file.
choose() {
  press ctrl+s
  eventually is_active "Select by Pattern"
  enter "$1"
  eventually is_active ".* - Thunar"
  settle
}

# copy FOLDER NAME, into $S.
copy() {
  go "$1" "$(basename "$1")"
  choose "$2"
  press ctrl+c
  go "$S" "$(basename "$S")"
  press ctrl+v
}

a_bus
a_display
mkdir over
cp doc3.txt over/doc2.txt
cp doc1.txt "$S/already.txt"
mkdir "$M/by-author/Zed"
settled
thunar "$M" 2>/dev/null &
eventually is_active "$(basename "$M") - Thunar"
picture views

copy "$D" doc2.txt
eventually cmp -s doc2.txt "$S/doc2.txt"
same_time() { [ "$(stat -c %Y doc2.txt)" = "$(stat -c %Y "$S/doc2.txt")" ]; }
eventually same_time
picture pasted
settled

copy "$D/over" doc2.txt
eventually is_active "Confirm to replace files"
picture asks
press alt+r
eventually cmp -s over/doc2.txt "$S/doc2.txt"
picture replaced
settled

choose doc2.txt
press F2
eventually is_active 'Rename "doc2.txt"'
picture rename
press ctrl+a
enter Renamed.txt
eventually cmp -s over/doc2.txt "$S/Renamed.txt"
[ ! -e "$S/doc2.txt" ]
picture renamed

choose Renamed.txt
press Delete
eventually [ ! -e "$S/Renamed.txt" ]
cmp over/doc2.txt "$M/.Trash-$(id -u)/files/Renamed.txt"
picture deleted

go trash:/// Trash
press ctrl+a
picture trash
press Menu
picture menu
press r Return
eventually cmp -s over/doc2.txt "$S/Renamed.txt"
[ ! -e "$M/.Trash-$(id -u)/info/Renamed.txt.trashinfo" ]
picture restored

go "$S" "$(basename "$S")"
choose Renamed.txt
press ctrl+x
go "$M/by-author/Zed" Zed
press ctrl+v
eventually cmp -s over/doc2.txt "$M/by-author/Zed/Renamed.txt"
[ ! -e "$S/Renamed.txt" ]
picture moved
cmp doc1.txt "$S/already.txt"
