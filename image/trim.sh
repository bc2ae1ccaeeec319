#!/bin/sh
# Takes out of a Debian with the packages of packages.txt what the driver does not run: more than half of it. Both ways of
# making the image run this, in the image to be.
set -eu

# xfs_scrub alone needs Python, GLib and ICU, which are 70 MB. It goes, and with it what was there for its sake.
rm -f /usr/sbin/xfs_scrub /usr/sbin/xfs_scrub_all
rm -f /usr/lib/systemd/system/xfs_scrub* /usr/lib/systemd/system/system-xfs_scrub.slice
sed -i '/^Package: xfsprogs$/,/^$/ { /^Depends:/ s/, \(libicu\|python3\)[^,]*//g }' /var/lib/dpkg/status
apt-get autoremove --quiet --purge --yes

# The tools that install packages and administer accounts: a container does neither.
dpkg --purge --force-all $(dpkg-query --show --showformat '${Package}\n' 'libapt-pkg*') \
  apt debconf debian-archive-keyring passwd perl-base sqv

# No program in the container changes its user.
find / -xdev -perm /6000 -type f -exec chmod ug-s {} +

rm -rf /usr/lib/*/gconv /usr/share/info /usr/share/bash-completion /usr/share/locale /usr/share/man \
  /etc/apt /var/lib/apt /var/lib/dpkg/*-old /var/cache/* /var/log/*
