;;; session.el --- What a user of Eglot does, without a window  -*- lexical-binding: t -*-

;; Loaded after the configuration of docs/editors/emacs.md; prints one line of JSON for each step.

(require 'eglot)
(require 'flymake)
(require 'json)
(require 'xref)

(defvar session-patience 120)

(defun session-wait (what condition)
  "The value of CONDITION as soon as it has one; an error that names WHAT when that takes too long."
  (let ((end (+ (float-time) session-patience)) (value nil))
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end)
        (error "In vain: %s" what))
      (accept-process-output nil 0.05))
    value))

(defun session-tell (step value)
  (princ (format "%s\n" (json-encode (list (cons step value))))))

(defun session-replace (from to)
  (goto-char (point-min))
  (search-forward from)
  (replace-match to t t)
  (eglot--signal-textDocument/didChange))

(defun session-restore (text)
  (erase-buffer)
  (insert text)
  (eglot--signal-textDocument/didChange))

(defun session-findings ()
  "The findings as pairs of the text below and the words."
  (flymake-start)
  (mapcar (lambda (found)
            (vector (buffer-substring-no-properties (flymake-diagnostic-beg found) (flymake-diagnostic-end found))
                    (flymake-diagnostic-text found)))
          (flymake-diagnostics)))

(find-file "minilm.ten")
(run-hooks 'post-command-hook) ; `eglot-ensure' connects after the command that opened the file
(session-wait "a connection" #'eglot-managed-p)
(session-tell "mode" (symbol-name major-mode))
(session-tell "server" (plist-get (eglot--server-info (eglot-current-server)) :name))

(let ((original (buffer-string)))
  (goto-char (point-max))
  (insert "fn f(x: f32[N]) -> f32[N] = where(\"\U0001F600\" == \"a\", x, prob)\n")
  (eglot--signal-textDocument/didChange)
  (session-tell "diagnostics" (vconcat (session-wait "a finding" #'session-findings)))
  (session-restore original)
  (session-replace "(probs as float)" "(prob as float)")
  (session-wait "a finding" #'session-findings)
  (goto-char (point-min))
  (search-forward "(prob")
  (cl-letf ((last-nonmenu-event t) ; asked by words, not by a menu
            ((symbol-function 'completing-read)
             (lambda (_prompt choices &rest _)
               (seq-find (lambda (it) (string-match-p "probs" it)) (mapcar #'car choices)))))
    (eglot-code-actions (1- (point)) (point) "quickfix" t))
  (session-tell "code action" (if (string= (buffer-string) original) t json-false))
  (eglot--signal-textDocument/didChange) ; which otherwise comes when Emacs is idle

  (goto-char (point-min))
  (search-forward "masked_softmax(")
  (backward-char 2)
  (let ((definition (car (xref-backend-definitions 'eglot (xref-backend-identifier-at-point 'eglot)))))
    (session-tell "definition" (xref-item-summary definition)))

  (goto-char (point-min))
  (search-forward "model Encoder[c: BertConfig](ids: i64[B")
  (backward-char)
  (eglot-rename "Batch")
  (session-tell "rename" (count-matches "\\_<Batch\\_>" (point-min) (point-max)))
  (session-restore original)
  (session-replace "let q = query(x)" "let   q=query( x )")
  (eglot-format-buffer)
  (session-tell "formatting" (if (string= (buffer-string) original) t json-false)))

(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server))
(kill-emacs 0)
