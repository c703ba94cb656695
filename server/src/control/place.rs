use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use super::SOCKET;

/// Addresses of sockets hold 108 bytes, the last of them zero (`unix(7)`).
const LONGEST: usize = 107;

/// The path of the control socket. Below a folder whose path is too long for a socket's address it leads through the
/// opened folder, which has to stay open while the path is used.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    _folder: Option<File>,
}

impl Place {
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path, _folder: None });
        }
        let opened = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(SOCKET);
        Ok(Self { path, _folder: Some(opened) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_socket_works_in_a_folder_of_any_depth() {
        let place = tempfile::tempdir().expect("a folder");
        let deep = place.path().join("d".repeat(120)).join("e".repeat(120));
        std::fs::create_dir_all(&deep).expect("folders");
        for folder in [place.path(), &deep] {
            let socket = UnixListener::bind(Place::of(folder).expect("a path").path);
            let socket = socket.expect("a socket");
            assert!(folder.join(SOCKET).exists());
            UnixStream::connect(Place::of(folder).expect("a path").path).expect("it listens");
            drop(socket);
        }
    }
}
