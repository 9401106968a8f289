# Run as root on a machine: makes an archive of one package out of what is installed, the only one that apt knows then, and removes the package.
set -e
package=$1
mkdir -p /var/local/archive/tree/DEBIAN
cd /var/local/archive
dpkg --listfiles "$package" | while read -r file; do
    if [ -f "$file" ] || [ -L "$file" ]; then mkdir -p "tree$(dirname "$file")"; cp -a "$file" "tree$file"; fi
done
dpkg --status "$package" | grep -v '^Status:\|^Conffiles:\|^ /' > tree/DEBIAN/control
dpkg-deb --build --root-owner-group tree "$package.deb" > /dev/null
{
    cat tree/DEBIAN/control
    echo "Filename: ./$package.deb"
    echo "Size: $(stat -c %s "$package.deb")"
    echo "SHA256: $(sha256sum "$package.deb" | cut -d' ' -f1)"
} > Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/var/local/archive ./' > /etc/apt/sources.list
dpkg --purge --force-depends "$package" > /dev/null 2>&1
